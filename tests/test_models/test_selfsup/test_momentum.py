import pytest

from gaia_ssl.utils import UserError


@pytest.mark.parametrize('name', ['MoCo', 'DenseCL', 'ReSSL'])
def test_a_queue_of_other_channels_than_embeddings_is_refused(ssl, name):
    with pytest.raises(UserError, match='model.feat_dim: 16 channels in the queue, but 8 in an'):
        ssl.build(name, feat_dim=16)


@pytest.mark.parametrize('name', ['MoCo', 'DenseCL', 'ReSSL'])
def test_batches_that_a_queue_takes(ssl, name):
    """MoCo's queue overflows in the second epoch if the last batch of the first was smaller."""
    model = ssl.build(name)
    model.check_batches([4])
    with pytest.raises(UserError, match=f'^model.queue_len: {model.queue_len} is not a multiple'):
        model.check_batches([model.queue_len - 1])
    with pytest.raises(UserError, match='^train_dataloader.drop_last: .* has 2 images, not 4'):
        model.check_batches([4, 2])
