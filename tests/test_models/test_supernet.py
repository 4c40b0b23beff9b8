"""Supernets from configs and checkpoints; the commands' refusals are tested with the tools."""

import pytest
import torch
from mmengine.config import Config

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.models.supernet import build_supernet, load_supernet, load_supernet_backbone
from gaia_ssl.registry import MODELS
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

MODEL = dict(
    type='DynamicMoCo',
    queue_len=8,
    feat_dim=4,
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(type='mmpretrain.MoCoV2Neck', in_channels=128, hid_channels=8, out_channels=4),
    head=dict(type='mmpretrain.ContrastiveHead', loss=dict(type='mmpretrain.CrossEntropyLoss')),
)
CONFIG = Config(dict(model=MODEL))
TINY = get_space('tiny10to22')
PREPROCESSING = dict(mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 8.0])


def test_weights_and_preprocessing_are_those_of_the_training(tmp_path):
    model = MODELS.build(dict(MODEL, data_preprocessor=PREPROCESSING))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_1.pth')
    inside = Config(dict(model=dict(MODEL, data_preprocessor=PREPROCESSING)))
    # the Runner takes it from there as well
    top = Config(dict(model=MODEL, data_preprocessor=PREPROCESSING))
    for config in (inside, top):
        loaded = load_supernet(config, str(tmp_path / 'epoch_1.pth'))
        assert loaded.data_preprocessor.mean.flatten().tolist() == PREPROCESSING['mean']
        for key, value in model.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value)
        assert not loaded.training


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(quue_len=8), "model.quue_len: its settings .* argument 'quue_len'"),
        (dict(neck=dict(MODEL['neck'], hidden=3)), "model.neck.hidden: its .* argument 'hidden'"),
        (dict(neck=None), 'model.neck: its settings do not fit .* cfg should be a dict'),
        (dict(type='DynamicMoCow'), 'model.type: DynamicMoCow is not in the'),
        (dict(arch_sampler='UniformSampler'), "arch_sampler: 'UniformSampler' is not a dict; give"),
        (
            dict(backbone=dict(MODEL['backbone'], norm_cfg='SyncBN')),
            "norm_cfg: 'SyncBN' is not a dict",
        ),
        (dict(backbone=dict(MODEL['backbone'], out_indices=3)), 'out_indices: 3 is not a list'),
        (dict(backbone=dict(MODEL['backbone'], strides=2)), 'strides: 2 is of the wrong type'),
    ],
)
def test_settings_that_do_not_fit(options, message):
    with pytest.raises(UserError, match=message):
        build_supernet(Config(dict(model={**MODEL, **options})))


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('supernet') / 'epoch_1.pth'
    torch.save(dict(state_dict=MODELS.build(MODEL).state_dict()), path)
    return str(path)


def test_loads_every_weight_of_the_online_backbone(checkpoint):
    net = load_supernet_backbone(CONFIG, checkpoint)
    weights = torch.load(checkpoint)['state_dict']
    assert not net.training
    for key, value in net.state_dict().items():
        assert torch.equal(value, weights[f'backbone.{key}'])


def test_is_the_student_of_the_whole_model(tmp_path):
    config = Config.fromfile('configs/mocov2/mocov2_tiny10to22_bs128-coslr_scenes.py')
    model = MODELS.build(config.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    net = load_supernet_backbone(config, str(tmp_path / 'w.pth'))
    student, _ = model.student
    assert net.space == student.space
    for key, value in student.state_dict().items():
        assert torch.equal(net.state_dict()[key], value)


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda w: w.clear(), r'other.pth has no backbone\.\* weights'),
        (
            lambda w: w.pop('backbone.layer1.0.conv1.weight'),
            '1 missing .first: layer1.0.conv1.weight',
        ),
        (lambda w: w.update({'backbone.extra': torch.zeros(2, 3)}), '1 unexpected .first: extra'),
        (
            lambda w: w.update({'backbone.conv1.weight': torch.zeros(64, 3, 7, 7)}),
            '1 misshaped .first: conv1.weight',
        ),
        (
            lambda w: w['backbone.conv1.weight'].fill_(float('nan')),
            'weights that are not finite .first: backbone.conv1.weight',
        ),
    ],
)
def test_refuses_checkpoints_of_other_models(tmp_path, checkpoint, change, message):
    content = torch.load(checkpoint)
    change(content['state_dict'])
    torch.save(content, tmp_path / 'other.pth')
    with pytest.raises(UserError, match=message):
        load_supernet_backbone(CONFIG, str(tmp_path / 'other.pth'))


@pytest.mark.parametrize(
    'model, message',
    [
        ({}, 'has no model.backbone'),
        (dict(backbone=dict(type='NoNet')), "model.backbone.type: 'NoNet' in config is unknown"),
        (
            dict(backbone=dict(type='SubnetResNet', arch=TINY.min)),
            'SubnetResNet in config is not a supernet',
        ),
        (
            dict(backbone=dict(type='DynamicResNet', space='tiny10to22', out_indices=3)),
            'out_indices: 3 is not a list of stages',
        ),
    ],
)
def test_refuses_configs_without_supernet_backbone(checkpoint, model, message):
    with pytest.raises(UserError, match=message):
        load_supernet_backbone(Config(dict(model=model)), checkpoint)


def test_weights_of_the_momentum_teacher(tmp_path):
    model = MODELS.build(MODEL)
    for value in model.encoder_k.state_dict().values():
        value.add_(1)
    path = str(tmp_path / 'epoch_1.pth')
    torch.save(dict(state_dict=model.state_dict()), path)
    average = model.encoder_k.module[0].state_dict()
    loaded = load_supernet(CONFIG, path, 'ema')
    backbone = load_supernet_backbone(CONFIG, path, 'ema').state_dict()
    online = load_supernet_backbone(CONFIG, path).state_dict()
    for key, value in average.items():
        assert torch.equal(loaded.backbone.state_dict()[key], value)
        assert torch.equal(backbone[key], value)
        assert not torch.equal(online[key], value)
    for key, value in model.encoder_k.module[1].state_dict().items():
        assert torch.equal(loaded.neck.state_dict()[key], value)


def test_weights_that_are_not_there(tmp_path):
    path = str(tmp_path / 'epoch_1.pth')
    backbone = MODELS.build(MODEL['backbone'])
    weights = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    torch.save(dict(state_dict=weights), path)
    with pytest.raises(UserError, match='^weights: .*epoch_1.pth has no momentum teacher; gi'):
        load_supernet_backbone(CONFIG, path, 'ema')
    for load in (load_supernet, load_supernet_backbone):
        with pytest.raises(UserError, match="^weights: 'best' is not one of online, ema"):
            load(CONFIG, path, 'best')
    neck = dict(MODEL['neck'], type='mmpretrain.NonLinearNeck')
    simclr = dict(MODEL, type='DynamicSimCLR', neck=neck)
    del simclr['queue_len'], simclr['feat_dim']
    torch.save(dict(state_dict=MODELS.build(simclr).state_dict()), path)
    with pytest.raises(UserError, match='^weights: DynamicSimCLR has no momentum teacher; gi'):
        load_supernet(Config(dict(model=simclr)), path, 'ema')
