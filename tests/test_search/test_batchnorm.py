import copy

import pytest
import torch
import torch.nn as nn

from gaia_ssl.models.layers import DynamicSyncBatchNorm
from gaia_ssl.search.batchnorm import group_statistics, set_statistics

NORMS = [nn.BatchNorm2d(6), DynamicSyncBatchNorm(6), nn.SyncBatchNorm(6)]


@pytest.mark.parametrize('norm', NORMS, ids=lambda norm: type(norm).__name__)
@pytest.mark.parametrize('sizes', [[9], [4, 5], [2, 3, 4]])
@pytest.mark.parametrize('training', [True, False])
def test_statistics_are_the_groups_and_running_ones_rest(norm, sizes, training):
    norm = copy.deepcopy(norm).train(training)
    norm.running_mean.fill_(3)
    before = copy.deepcopy(norm.state_dict())
    x = torch.randn(9, 6, 4, 4)
    with group_statistics([norm, nn.Sequential(norm)], sizes):
        got = norm(x)
    plain = nn.BatchNorm2d(6)
    want = torch.cat([plain(group) for group in x.split(sizes)])
    torch.testing.assert_close(got, want)
    assert norm.training is training
    assert norm.state_dict().keys() == before.keys()
    for key, value in norm.state_dict().items():
        assert torch.equal(value, before[key]), key
    # and it works as before
    assert norm.track_running_stats
    assert 'forward' not in vars(norm)


@pytest.mark.parametrize('norm', NORMS, ids=lambda norm: type(norm).__name__)
def test_statistics_of_all_images_are_no_groups(norm):
    norm, x = copy.deepcopy(norm), torch.randn(9, 6, 4, 4)
    with set_statistics([norm], [4, 5]):
        got = norm(x)
    torch.testing.assert_close(got, nn.BatchNorm2d(6)(x))


def test_dropout_is_off_and_an_error_restores_all():
    net = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.9)).train()
    net[1].eval()
    with pytest.raises(RuntimeError), group_statistics([net], [2, 2]):
        assert not net.training and not net[0].training
        raise RuntimeError
    assert net.training and net[0].training and not net[1].training
    assert net[0].running_mean is not None and net[0].track_running_stats
