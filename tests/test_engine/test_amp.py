import pytest
import torch
import torch.nn as nn

from gaia_ssl.engine import CPUAmpOptimWrapper
from gaia_ssl.engine.amp import check_half
from gaia_ssl.utils import UserError


def test_runs_in_bfloat16_and_steps_in_float32():
    model = nn.Linear(4, 2)
    wrapper = CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(3, 4))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(model.weight, before - 0.1 * 3)


def test_operators_that_take_float32_alone():
    ops = pytest.importorskip('mmcv.ops')
    check_half(nn.Sequential(nn.Linear(2, 2), ops.MultiScaleDeformableAttention(embed_dims=8)))
    with pytest.raises(UserError, match='^amp: RoIAlign of model.1 has no mixed precision on CPU'):
        check_half(nn.Sequential(nn.Linear(2, 2), ops.RoIAlign(7)))
