"""Loading what is searched; the command line's refusals are tested with the tool."""

import pytest
import torch
from mmengine.config import Config

import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.registry import MODELS
from gaia_ssl.search.supernet import build_supernet, load_supernet
from gaia_ssl.utils import UserError

MODEL = dict(
    type='DynamicMoCo',
    queue_len=8,
    feat_dim=4,
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(type='mmpretrain.MoCoV2Neck', in_channels=128, hid_channels=8, out_channels=4),
    head=dict(type='mmpretrain.ContrastiveHead', loss=dict(type='mmpretrain.CrossEntropyLoss')),
)
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
        (dict(quue_len=8), "model: its settings do not fit .* argument 'quue_len'"),
        (dict(neck=dict(MODEL['neck'], hidden=3)), "model.neck: its settings .* argument 'hidden'"),
        (dict(neck=None), 'model.neck: its settings do not fit .* cfg should be a dict'),
        (dict(type='DynamicMoCow'), 'model: its settings do not fit .*DynamicMoCow is not in'),
        (dict(arch_sampler='UniformSampler'), "arch_sampler: 'UniformSampler' is no dict; give"),
        (dict(backbone=dict(MODEL['backbone'], norm_cfg='SyncBN')), 'model.backbone: its settings'),
        (dict(backbone=dict(MODEL['backbone'], out_indices=3)), 'model.backbone: its settings'),
        (dict(backbone=dict(MODEL['backbone'], strides=2)), 'strides: 2 is of the wrong kind'),
    ],
)
def test_settings_that_do_not_fit(options, message):
    with pytest.raises(UserError, match=message):
        build_supernet(Config(dict(model={**MODEL, **options})))
