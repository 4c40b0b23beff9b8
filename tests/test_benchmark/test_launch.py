import pytest
import torch

from gaia_ssl.benchmark.launch import Launch
from gaia_ssl.utils import UserError


def test_gpus_of_those_side_by_side(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 4)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4,5,6,7')
    lanes = Launch('pytorch', 2).lanes(2)
    assert lanes == [dict(CUDA_VISIBLE_DEVICES='4,5'), dict(CUDA_VISIBLE_DEVICES='6,7')]
    with pytest.raises(UserError, match='6 GPUs are needed and there are 4'):
        Launch('pytorch', 2).lanes(3)
