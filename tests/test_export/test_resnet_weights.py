"""Ordinary weights as a subnet."""

import pytest
import torch
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from gaia_ssl.downstream import Subnet
from gaia_ssl.export.resnet_weights import IMAGENET, import_resnet
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError


@pytest.fixture(scope='module')
def peer():
    torch.manual_seed(0)
    return ResNet(Bottleneck, [1, 2, 3, 1]).eval()


LAYOUTS = dict(
    torchvision=lambda own: own,
    mmpretrain=lambda own: dict(
        meta=dict(epoch=1),
        state_dict={f'backbone.{k}': v for k, v in own.items() if not k.startswith('fc.')}
        | {'head.fc.weight': own['fc.weight']},
    ),
    moco=lambda own: dict(
        state_dict={
            f'module.{net}.{k}': v for net in ('encoder_q', 'encoder_key') for k, v in own.items()
        }
    ),
)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_computes_what_the_weights_did(tmp_path, peer, layout):
    torch.save(LAYOUTS[layout](peer.state_dict()), tmp_path / 'weights.pth')
    meta = import_resnet(str(tmp_path / 'weights.pth'), str(tmp_path / 'out'))
    assert meta['arch'] == dict(stem_width=64, width=[64, 128, 256, 512], depth=[1, 2, 3, 1])
    peers = sum(p.numel() for name, p in peer.named_parameters() if not name.startswith('fc.'))
    assert meta['params'] == peers
    subnet = Subnet.load(str(tmp_path / 'out'))
    assert subnet.channels == [256, 512, 1024, 2048] and vars(subnet.normalisation) == IMAGENET
    options = subnet.backbone(out_indices=(3,), sync_norms=False)
    del options['_delete_']
    net = MODELS.build(options).eval()
    net.init_weights()
    image = torch.randn(1, 3, 64, 64)
    peer_features = torch.nn.Sequential(*list(peer.children())[:-2])
    with torch.no_grad():
        assert torch.allclose(net(image)[0], peer_features(image), atol=1e-6)


def test_what_is_no_resnet(tmp_path):
    file, out = tmp_path / 'weights.pth', tmp_path / 'out'
    torch.save(dict(state_dict={'fc.weight': torch.zeros(1)}), file)
    with pytest.raises(UserError, match='weights.pth holds no ResNet, .* none of layer1.0.conv1'):
        import_resnet(str(file), str(out))
    torch.save(ResNet(BasicBlock, [1, 1, 1, 1]).state_dict(), file)
    with pytest.raises(UserError, match='is not a plain ResNet of bottlenecks; give one'):
        import_resnet(str(file), str(out))
    assert not out.exists()
