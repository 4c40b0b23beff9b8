"""The written configs, as the projects read them: models, weights, channels, no downloads."""

import json
import re
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmengine.utils.dl_utils.parrots_wrapper import SyncBatchNorm, _BatchNorm

from gaia_ssl.export.configs import WRITTEN
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space

TINY = get_space('tiny10to22')
OFF_GRID = dict(stem_width=9, width=[11, 23, 33, 77], depth=[1, 2, 1, 2])
EQUAL_WIDTHS = dict(stem_width=8, width=[8, 32, 32, 64], depth=[1, 1, 1, 1])
CAFFE = "block='bottleneck', style='caffe', stem='7x7'"
MOBILE = "type='DynamicMobileNet', space='mb12to22'"
CASES = {
    'R18': dict(arch='R18'),
    'off grid': dict(arch=OFF_GRID),
    'other options': dict(arch='MIN', options=CAFFE),
    # stages of equal width: dilated for FCN, they neither stride nor widen
    'equal widths': dict(arch=EQUAL_WIDTHS),
    'stride 1 stem': dict(arch='MIN', options="stem='3x3'"),
    'grouped': dict(arch='MIN', options="block='bottleneck', group_widths=(2, 4, 8, 16)"),
    # seven stages, of which four make a pyramid
    'MobileNet': dict(arch='MBV2', backbone=MOBILE),
}


SLOW = ('off grid', 'equal widths', 'stride 1 stem')


@pytest.fixture(
    scope='module',
    params=[
        pytest.param(case, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, case in CASES.items()
    ],
)
def folder(request, extracted):
    return extracted(**request.param)


@pytest.fixture(params=WRITTEN)
def name(request):
    return request.param


def project(name):
    return name.partition('_')[0]


def build(config):
    with DefaultScope.overwrite_default_scope(config.default_scope):
        options = config.model
        if 'data_preprocessor' in config:
            options.setdefault('data_preprocessor', config.data_preprocessor)
        model = MODELS.build(options)
        model.init_weights()
    return model


def leaves(value):
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, (str, bytes)) or not hasattr(value, '__iter__'):
        return [value]
    return [leaf for inner in value for leaf in leaves(inner)]


def test_every_file_is_there(folder):
    names = {'backbone.pth', 'arch.json', *WRITTEN}
    assert {path.name for path in folder.iterdir()} == names


def test_nothing_is_downloaded(folder, name):
    config = Config.fromfile(folder / name)
    urls = [x for x in leaves(config.to_dict()) if re.match(r'[\w+-]+://', str(x))]
    assert not urls
    assert config.model.get('pretrained') is None
    assert config.get('load_from') is None


def test_model_has_the_weights_and_runs(folder, name):
    config = Config.fromfile(folder / name)
    model = build(config).eval()
    content = torch.load(folder / 'backbone.pth', weights_only=True)
    net = model.backbone
    assert type(net).__name__ == content['meta']['type']
    assert net.arch == content['meta']['arch']
    assert not net.norm_eval
    for key, value in content['state_dict'].items():
        assert torch.equal(net.state_dict()[key], value)
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    images = torch.randn(1, 3, 128, 96)
    with torch.no_grad():
        outs = model.extract_feat(images)
    if project(name) == 'mmpretrain':
        model.train()
        assert not any(norm.training or isinstance(norm, SyncBatchNorm) for norm in norms)
        assert not any(p.requires_grad for p in net.parameters())
        assert outs[-1].shape == (1, model.head.fc.in_features)
        return
    assert all(isinstance(norm, SyncBatchNorm) for norm in norms)
    assert all(p.requires_grad for p in net.parameters())
    if project(name) == 'mmdet':
        strides = [128 // out.size(2) for out in outs]
        with torch.no_grad():
            assert strides[:4] == [128 // out.size(2) for out in net(images)]
        assert config.model.rpn_head.anchor_generator.strides == strides
        assert all(conv.bn is not None for conv in model.neck.fpn_convs)
    else:
        with torch.no_grad():
            assert model.decode_head(outs).size(1) == 150
            assert model.auxiliary_head(outs).size(1) == 150


def test_fcn_is_dilated_and_upernet_is_not(extracted):
    folder = extracted('R18')
    fcn, upernet = (
        Config.fromfile(folder / f'mmseg_{head}_ade20k.py').model.backbone
        for head in ('fcn', 'upernet')
    )
    assert (fcn.strides, fcn.dilations) == ((1, 2, 1, 1), (1, 1, 2, 4)) and fcn.contract_dilation
    assert 'strides' not in upernet and 'dilations' not in upernet
    net = SubnetResNet(**{k: v for k, v in fcn.items() if k not in ('type', 'init_cfg')}).eval()
    outs = net(torch.randn(1, 3, 64, 64))
    assert [64 // out.size(2) for out in outs] == [4, 8, 8, 8]


def test_pyramid_of_mobilenets_is_that_of_mmseg(extracted):
    folder = extracted('MBV2', backbone=MOBILE)
    configs = {name: Config.fromfile(folder / name).model for name in WRITTEN}
    mask, upernet, fcn = (
        configs[name]
        for name in (
            'mmdet_mask-rcnn_fpn_coco.py',
            'mmseg_upernet_ade20k.py',
            'mmseg_fcn_ade20k.py',
        )
    )
    for model in (mask, upernet, fcn):
        assert model.backbone.out_indices == (1, 2, 4, 6)
    assert mask.neck.in_channels == upernet.decode_head.in_channels == [24, 32, 96, 320]
    assert mask.rpn_head.anchor_generator.strides == [4, 8, 16, 32, 64]
    assert (fcn.decode_head.in_channels, fcn.decode_head.in_index) == (320, -1)
    assert (fcn.auxiliary_head.in_channels, fcn.auxiliary_head.in_index) == (96, -2)
    assert fcn.backbone.strides == (1, 2, 2, 1, 1, 1, 1)
    assert fcn.backbone.dilations == (1, 1, 1, 2, 2, 4, 4)
    linear = configs['mmpretrain_linear_imagenet.py']
    assert linear.backbone.out_indices == (6,) and linear.backbone.frozen_stages == 7
    assert linear.head.in_channels == 320


def test_normalisation_is_that_of_pretraining(extracted, name):
    model = build(Config.fromfile(extracted() / name))
    preprocessor = model.data_preprocessor
    assert preprocessor.mean.flatten().tolist() == [120, 110, 100]
    assert preprocessor.std.flatten().tolist() == [60, 50, 55]
    swaps = getattr(preprocessor, 'channel_conversion', None) or getattr(
        preprocessor, '_channel_conversion', None
    )
    assert swaps or preprocessor.to_rgb


def test_recipe_of_self_supervised_backbones(tmp_path, extracted):
    folder = extracted()
    mask, faster = (
        Config.fromfile(folder / f'mmdet_{kind}-rcnn_fpn_coco.py') for kind in ('mask', 'faster')
    )
    (tmp_path / 'heir.py').write_text(
        "_base_ = 'mmpretrain::byol/benchmarks/mask-rcnn_r50_fpn_ms-1x_coco.py'"
    )
    shipped = Config.fromfile(tmp_path / 'heir.py')
    assert mask.train_dataloader.dataset.pipeline == shipped.train_dataloader.dataset.pipeline
    assert mask.model.roi_head.mask_head == shipped.model.roi_head.mask_head
    for config in (mask, faster):
        assert config.model.roi_head.bbox_head == shipped.model.roi_head.bbox_head
        assert config.model.neck.norm_cfg == shipped.model.neck.norm_cfg
        assert config.train_cfg == shipped.train_cfg
        assert config.optim_wrapper == shipped.optim_wrapper
    assert 'mask_head' not in faster.model.roi_head


def test_linear_probe_is_mocos(extracted):
    config = Config.fromfile(extracted() / 'mmpretrain_linear_imagenet.py')
    optimizer = config.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('SGD', 30.0, 0.0)
    assert config.train_cfg.max_epochs == 100
    assert config.param_scheduler[0].milestones == [60, 80]


def test_numbers_are_those_of_the_backbone(extracted):
    folder = extracted(OFF_GRID)
    shapes = TINY.family.output_shapes(OFF_GRID)
    channels = [shape.channels for shape in shapes]
    model = Config.fromfile(folder / 'mmdet_mask-rcnn_fpn_coco.py').model
    assert model.neck.in_channels == channels == [11, 23, 33, 77]
    model = Config.fromfile(folder / 'mmseg_upernet_ade20k.py').model
    assert model.decode_head.in_channels == channels
    assert model.auxiliary_head.in_channels == 33
    assert json.loads((folder / 'arch.json').read_text()) == OFF_GRID


def test_a_moved_folder_and_an_inheriting_config_find_the_weights(
    tmp_path, monkeypatch, extracted, name
):
    moved = shutil.copytree(extracted(), tmp_path / 'moved' / 'subnet')
    heir = tmp_path / 'elsewhere' / 'heir.py'
    heir.parent.mkdir()
    heir.write_text(
        f"_base_ = '{{{{$GAIA_SSL_TEST:nowhere}}}}/{name}'\nrandomness = dict(seed=1)\n"
    )
    monkeypatch.setenv('GAIA_SSL_TEST', str(moved))
    for file in (moved / name, heir):
        config = Config.fromfile(file)
        assert config.model.backbone.init_cfg.checkpoint == f'{moved}/backbone.pth'
