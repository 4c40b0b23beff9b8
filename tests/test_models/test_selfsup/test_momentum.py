import pytest

from gaia_ssl.utils import UserError


@pytest.mark.parametrize('name', ['MoCo', 'DenseCL', 'ReSSL'])
def test_a_queue_of_other_channels_than_embeddings_is_refused(ssl, name):
    with pytest.raises(UserError, match='model.feat_dim: 16 channels in the queue, but 8 in an'):
        ssl.build(name, feat_dim=16)
