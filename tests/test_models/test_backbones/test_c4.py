"""A subnet in two halves computes the same as the whole, from the checkpoint of the whole."""

import pytest
import torch

from gaia_ssl.models.backbones import SubnetBackbone
from gaia_ssl.registry import MODELS
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

CASES = {
    'SubnetResNet': (get_space('tiny10to22'), 3),
    'SubnetMobileNet': (get_space('tinymb4to8'), 2),
}


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """The config of a whole subnet, the whole itself, and how many stages its trunk has."""
    space, stages = CASES[request.param]
    config = dict(type=request.param, arch=space.min, norm_cfg=dict(type='BN'))
    config.update(vars(space.family))
    torch.manual_seed(0)
    whole = MODELS.build(dict(config, out_indices=range(len(space.min['width'])))).eval()
    whole.init_weights()
    for name, value in whole.state_dict().items():
        if 'running' in name:
            value.uniform_(0.5, 1.5)
    torch.save(dict(state_dict=whole.state_dict()), tmp_path / 'backbone.pth')
    config['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.pth'))
    return config, whole, stages


def halves(config, stages):
    pair = [
        MODELS.build(dict(type=name, subnet=config, stages=stages))
        for name in ('SubnetTrunk', 'SubnetSharedHead')
    ]
    for half in pair:
        half.init_weights()
    return pair


def test_they_compute_what_the_whole_does(case):
    config, whole, stages = case
    trunk, head = (half.eval() for half in halves(config, stages))
    x = torch.randn(2, 3, 64, 64)
    [middle] = trunk(x)
    outs = whole(x)
    assert torch.equal(middle, outs[stages - 1])
    assert torch.equal(head.net(middle)[0], outs[-1])
    # a fresh norm in eval mode divides by sqrt(1 + eps)
    torch.testing.assert_close(head(middle), outs[-1] / (1 + 1e-5) ** 0.5)


def test_each_has_its_own_layers_alone(case):
    config, whole, stages = case
    trunk, head = halves(config, stages)
    names = [{name for name, _ in half.net.named_parameters()} for half in (trunk, head)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {name for name, _ in whole.named_parameters()}
    head(trunk(torch.randn(2, 3, 64, 64))[0]).sum().backward()
    assert all(p.grad is not None for half in (trunk, head) for p in half.parameters())


def test_a_checkpoint_of_another_arch_is_refused(case):
    config, _, stages = case
    space, _ = CASES[config['type']]
    for half in ('SubnetTrunk', 'SubnetSharedHead'):
        other = MODELS.build(dict(type=half, subnet=dict(config, arch=space.max), stages=stages))
        with pytest.raises(UserError, match='load the weights extracted at this arch'):
            other.init_weights()


def test_stages_that_are_kept(case):
    config, whole, _ = case
    net: SubnetBackbone = MODELS.build(dict(config, init_cfg=None, out_indices=(1,)))
    net.load_state_dict(whole.state_dict())
    net.eval().keep_stages([1])
    first, second = whole(torch.randn(1, 3, 64, 64))[:2]
    assert torch.equal(net(first)[0], second)
    assert all(name.startswith('layer2.') for name in net.state_dict())
