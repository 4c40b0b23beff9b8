"""Checkpoints from and to the layouts of other projects."""

import copy

import pytest
import torch
import torch.nn as nn
from mmengine.config import Config

from gaia_ssl.export.convert import (
    mmpretrain_to_subnet,
    released_to_supernet,
    rename_released,
    subnet_to_mmpretrain,
)
from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.models.supernet import build_supernet, load_supernet, load_supernet_backbone
from gaia_ssl.utils import UserError

DEPTH, WIDTH = (4, 6, 29, 4), (80, 160, 320, 640)  # the largest arch of the released supernet

MOCO = """
model = dict(
    type='DynamicMoCo', queue_len=64, feat_dim=16,
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(type='mmpretrain.MoCoV2Neck', in_channels={width}, hid_channels=32,
              out_channels=16, with_avg_pool=True),
    head=dict(type='mmpretrain.ContrastiveHead', temperature=0.2,
              loss=dict(type='mmpretrain.CrossEntropyLoss')))
"""
BYOL = """
neck = dict(type='mmpretrain.NonLinearNeck', hid_channels=32, out_channels=16, num_layers=2,
            with_bias=True, with_last_bn=False, with_last_bias=True)
model = dict(
    type='DynamicBYOL',
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(in_channels={width}, with_avg_pool=True, **neck),
    head=dict(type='mmpretrain.LatentPredictHead',
              predictor=dict(in_channels=16, with_avg_pool=False, **neck),
              loss=dict(type='mmpretrain.CosineSimilarityLoss')))
del neck
"""


def released_backbone_shapes():
    """Keys and shapes of the released supernet's backbone, from its description."""
    shapes = {}

    def conv_bn(conv, bn, out_channels, in_channels, kernel):
        shapes[f'{conv}.weight'] = (out_channels, in_channels, kernel, kernel)
        for name in ('weight', 'bias', 'running_mean', 'running_var'):
            shapes[f'{bn}.{name}'] = (out_channels,)
        shapes[f'{bn}.num_batches_tracked'] = ()

    conv_bn('conv1', 'bn1', 64, 3, 7)
    channels = 64
    for stage, (depth, width) in enumerate(zip(DEPTH, WIDTH, strict=True), 1):
        for index in range(depth):
            block = f'layer{stage}.{index}.'
            conv_bn(block + 'conv1', block + 'bn1', width, channels, 1)
            conv_bn(block + 'conv2', block + 'bn2', width, width, 3)
            conv_bn(block + 'conv3', block + 'bn3', 4 * width, width, 1)
            if index == 0:
                conv_bn(block + 'downsample.0', block + 'downsample.1', 4 * width, channels, 1)
            channels = 4 * width
    return shapes


def test_the_backbone_of_the_papers_space_has_the_released_names():
    with torch.device('meta'):
        own = DynamicResNet('ar50to101').state_dict()
    assert {key: tuple(value.shape) for key, value in own.items()} == released_backbone_shapes()


def released_neck_shapes(channels, hidden, out, norm):
    """Keys and shapes of a released neck, from its description."""
    shapes = {'mlp.0.weight': (hidden, channels), 'mlp.0.bias': (hidden,)}
    if norm:
        names = ('weight', 'bias', 'running_mean', 'running_var')
        shapes |= {f'mlp.1.{name}': (hidden,) for name in names}
        shapes['mlp.1.num_batches_tracked'] = ()
    last = 3 if norm else 2
    return shapes | {f'mlp.{last}.weight': (out, hidden), f'mlp.{last}.bias': (out,)}


def released_shapes(online, momentum, neck, queues=(), head=None):
    """Keys and shapes of a whole released checkpoint of the paper's space."""
    shapes = {f'backbone.{key}': shape for key, shape in released_backbone_shapes().items()}
    for encoder in (online, momentum):
        shapes |= {f'{encoder}.0.{k}': shape for k, shape in released_backbone_shapes().items()}
        shapes |= {f'{encoder}.1.{key}': shape for key, shape in neck.items()}
    for name, shape in queues:
        shapes |= {name: shape, f'{name}_ptr': (1,)}
    return shapes | {f'head.predictor.{key}': shape for key, shape in (head or {}).items()}


def densecl_neck():
    whole = released_neck_shapes(2560, 2048, 128, norm=False)
    dense = {key.replace('mlp', 'mlp2'): shape for key, shape in whole.items()}
    return whole | {k: (*v, 1, 1) if k.endswith('weight') else v for k, v in dense.items()}


BIAS = {'model.neck.with_last_bias': True, 'model.head.predictor.with_last_bias': True}


@pytest.mark.parametrize(
    'config, options, released',
    [
        (
            'mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k.py',
            {},
            released_shapes(
                'encoder_q',
                'encoder_k',
                released_neck_shapes(2560, 2048, 128, norm=False),
                queues=[('queue', (128, 65536))],
            ),
        ),
        (
            'densecl/densecl_ar50to101_8xb32-coslr-200e_in1k.py',
            {},
            released_shapes(
                'encoder_q',
                'encoder_k',
                densecl_neck(),
                queues=[('queue', (128, 65536)), ('queue2', (128, 65536))],
            ),
        ),
        (
            'ressl/ressl_ar50to101_8xb32-coslr-200e_in1k.py',
            {},
            released_shapes(
                'encoder_q',
                'encoder_k',
                released_neck_shapes(2560, 4096, 512, norm=True),
                queues=[('queue', (512, 131072))],
            ),
        ),
        (
            'byol/byol_ar50to101_16xb256-coslr-200e_in1k.py',
            BIAS,
            released_shapes(
                'online_net',
                'target_net',
                released_neck_shapes(2560, 4096, 256, norm=True),
                head=released_neck_shapes(256, 4096, 256, norm=True),
            ),
        ),
    ],
    ids=['mocov2', 'densecl', 'ressl', 'byol'],
)
def test_every_name_of_the_configs_of_the_paper_is_found(config, options, released):
    config = Config.fromfile(f'configs/{config}')
    config.merge_from_dict(options)
    with torch.device('meta'):
        own = build_supernet(config).state_dict()
        weights = rename_released({key: torch.empty(shape) for key, shape in released.items()})
    own = {k: tuple(v.shape) for k, v in own.items() if not k.endswith('.steps')}
    assert {key: tuple(value.shape) for key, value in weights.items()} == own


class Neck(nn.Module):
    """A neck in the released layout: all its layers in one sequence."""

    def __init__(self, width, norm):
        super().__init__()
        middle = [nn.BatchNorm1d(32), nn.ReLU()] if norm else [nn.ReLU()]
        self.mlp = nn.Sequential(nn.Linear(width, 32), *middle, nn.Linear(32, 16))


class Released(nn.Module):
    """A method in the released layout: the online backbone is there twice."""

    def __init__(self, online, momentum, norm):
        super().__init__()
        backbone = DynamicResNet('tiny10to22')
        encoder = nn.Sequential(backbone, Neck(width(), norm))
        self.add_module(online, encoder)
        self.add_module(momentum, copy.deepcopy(encoder))
        self.backbone = backbone
        for value in (*self.parameters(), *self.buffers()):
            if value.is_floating_point():
                nn.init.uniform_(value, 0.5, 1.5)  # variances as well


class ReleasedMoCo(Released):
    def __init__(self):
        super().__init__('encoder_q', 'encoder_k', norm=False)
        self.register_buffer('queue', torch.randn(16, 64))
        self.register_buffer('queue_ptr', torch.tensor([7]))


class ReleasedBYOL(Released):
    def __init__(self):
        super().__init__('online_net', 'target_net', norm=True)
        self.head = nn.Module()
        self.head.predictor = Neck(16, norm=True)


def width():
    """Channels that the largest tiny subnet puts out."""
    path = DynamicResNet('tiny10to22').active_path
    return path.stages[-1][-1].out_channels


def convert(tmp_path, text, released):
    (tmp_path / 'config.py').write_text(text.format(width=width()))
    config = Config.fromfile(tmp_path / 'config.py')
    torch.save(dict(state_dict=released.state_dict(), meta={}), tmp_path / 'released.pth')
    released_to_supernet(config, str(tmp_path / 'released.pth'), str(tmp_path / 'ours.pth'))
    return config, str(tmp_path / 'ours.pth')


def embed(backbone, neck, x):
    x = backbone(x)[0].mean((2, 3))
    return neck.mlp(x)


@pytest.mark.parametrize('text, method', [(MOCO, ReleasedMoCo), (BYOL, ReleasedBYOL)])
def test_a_released_method_gives_the_same_embeddings(tmp_path, text, method):
    torch.manual_seed(0)
    released = method().eval()
    config, checkpoint = convert(tmp_path, text, released)
    model = load_supernet(config, checkpoint)
    x = torch.randn(2, 3, 32, 32)
    online, momentum = list(released.children())[:2]
    for (backbone, neck), theirs in zip(
        [model.student, model.teacher], [online, momentum], strict=True
    ):
        torch.testing.assert_close(neck(backbone(x))[0], embed(*theirs, x))
    torch.testing.assert_close(
        load_supernet_backbone(config, checkpoint)(x)[0], released.backbone(x)[0]
    )
    if method is ReleasedMoCo:
        assert torch.equal(model.queue, released.queue) and model.queue_ptr.item() == 7
    else:
        given = torch.randn(4, 16)
        predicted = model.head.predictor((given,))[0]
        torch.testing.assert_close(predicted, released.head.predictor.mlp(given))


def test_a_released_checkpoint_of_another_method_is_refused(tmp_path):
    with pytest.raises(UserError, match='is of another method or space than .*missing'):
        convert(tmp_path, BYOL, ReleasedMoCo())
    assert not (tmp_path / 'ours.pth').exists()


def test_to_mmpretrain_and_back(tmp_path, extracted):
    folder = extracted('R18')
    there, back = tmp_path / 'deep' / 'model.pth', tmp_path / 'back'
    subnet_to_mmpretrain(str(folder), str(there))
    mmpretrain_to_subnet(str(there), str(folder), str(back))
    subnet, model, again = (
        torch.load(path, weights_only=True)
        for path in (folder / 'backbone.pth', there, back / 'backbone.pth')
    )
    assert list(model['state_dict']) == [f'backbone.{key}' for key in subnet['state_dict']]
    assert model['meta'] == subnet['meta']
    assert list(again['state_dict']) == list(subnet['state_dict'])
    for key, value in subnet['state_dict'].items():
        assert torch.equal(again['state_dict'][key], value)
    assert again['meta']['source']['checkpoint'] == str(there)
    assert sorted(p.name for p in back.iterdir()) == sorted(p.name for p in folder.iterdir())


def test_mmpretrain_takes_it(tmp_path, extracted):
    from mmengine.registry import DefaultScope
    from mmengine.runner import load_checkpoint
    from mmpretrain.models import ImageClassifier

    folder = extracted('R18')
    subnet_to_mmpretrain(str(folder), str(tmp_path / 'model.pth'))
    content = torch.load(folder / 'backbone.pth', weights_only=True)
    meta = content['meta']
    backbone = dict(type='gaia_ssl.SubnetResNet', arch=meta['arch'], **meta['family'])
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = ImageClassifier(backbone)
    load_checkpoint(model, str(tmp_path / 'model.pth'), strict=True)
    for key, value in content['state_dict'].items():
        assert torch.equal(model.backbone.state_dict()[key], value)


def test_a_finetuned_model_becomes_a_folder_but_for_its_head(tmp_path, extracted):
    folder = extracted('R18')
    subnet_to_mmpretrain(str(folder), str(tmp_path / 'model.pth'))
    content = torch.load(tmp_path / 'model.pth', weights_only=True)
    content['state_dict'] = {k: v + 1 for k, v in content['state_dict'].items()}
    content['state_dict']['head.fc.weight'] = torch.zeros(2, 2)
    torch.save(content, tmp_path / 'finetuned.pth')
    mmpretrain_to_subnet(str(tmp_path / 'finetuned.pth'), str(folder), str(tmp_path / 'out'))
    weights = torch.load(tmp_path / 'out' / 'backbone.pth', weights_only=True)['state_dict']
    before = torch.load(folder / 'backbone.pth', weights_only=True)['state_dict']
    assert weights.keys() == before.keys()
    assert all(torch.equal(weights[key], before[key] + 1) for key in before)


def test_wrong_inputs(tmp_path, extracted):
    with pytest.raises(UserError, match='subnet: .* holds no backbone.pth; name a folder'):
        subnet_to_mmpretrain(str(tmp_path), str(tmp_path / 'model.pth'))
    small, other = extracted('MIN'), extracted('R18')
    subnet_to_mmpretrain(str(small), str(tmp_path / 'model.pth'))
    with pytest.raises(UserError, match='has another backbone than .*: .*misshaped'):
        mmpretrain_to_subnet(str(tmp_path / 'model.pth'), str(other), str(tmp_path / 'out'))
    torch.save({}, tmp_path / 'empty.pth')
    with pytest.raises(UserError, match=r'empty.pth has no backbone\.\* weights'):
        mmpretrain_to_subnet(str(tmp_path / 'empty.pth'), str(other), str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()
