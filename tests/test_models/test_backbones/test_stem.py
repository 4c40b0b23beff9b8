"""Backbones whose stem has no module of its own."""

import pytest
import torch

from gaia_ssl.models.backbones import DynamicMobileNet, DynamicResNet


@pytest.mark.parametrize(
    'supernet_type, space, names',
    [
        (DynamicResNet, 'tiny10to22', ['conv1', 'bn1']),
        (DynamicMobileNet, 'tinymb4to8', ['conv1']),
    ],
)
def test_the_layers_of_the_stem_are_attributes_of_the_backbone(supernet_type, space, names):
    net = supernet_type(space).eval()
    (stem,), (first, *_) = net.active_path.stem, net.active_path.stages[0]
    modules = [getattr(net, name) for name in names]
    assert list(net.stage_modules(-1)) == list(net.step_modules(stem)) == modules
    assert net.step_modules(first) == (net.layer1[0],)
    assert not hasattr(net, stem.name)
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(net.run(stem, x), net.run_stem(stem, x))
        assert net.run(stem, x).size(1) == stem.out_channels
    narrow = stem._replace(out_channels=net.space.min['stem_width'])
    assert net.run(narrow, x).size(1) == narrow.out_channels < stem.out_channels
