"""What the classification benchmarks train, with which rates, on which pixels."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

PLACE = Path(__file__).resolve().parents[2] / 'configs' / 'benchmarks' / 'classification'
FROZEN = {'linear_8xb32-steplr-100e_in1k': 1000, 'linear_8xb32-steplr-28e_places205': 205}
TRAINED = {
    'semi_4xb64-steplr-20e_in1k-1pct': 1000,
    'finetune_4xb64-steplr-10k_cifar10': 10,
}
RED = (200, 30, 10)
MEAN, STD = (120, 110, 100), (60, 50, 55)


@pytest.fixture(scope='module')
def folder(extracted):
    return extracted('R18')


@pytest.fixture
def load(monkeypatch, folder):
    """Load a config for a subnet, and build its model."""

    def read(name, subnet=folder, **options):
        monkeypatch.setenv('GAIA_SSL_SUBNET', str(subnet))
        config = Config.fromfile(PLACE / f'{name}.py')
        config.merge_from_dict(options)
        preprocessor = dict(config.data_preprocessor, type='ClsDataPreprocessor')
        with DefaultScope.overwrite_default_scope(config.default_scope):
            return config, MODELS.build(dict(config.model, data_preprocessor=preprocessor))

    return read


@pytest.mark.parametrize('name, classes', {**FROZEN, **TRAINED}.items())
def test_trains_its_head_and_the_backbone_unless_frozen(load, name, classes):
    _, model = load(name)
    model.train()
    images = torch.randn(4, 3, 32, 32)
    score = torch.eye(classes)[:4]
    samples = [DataSample().set_gt_score(row) for row in score]
    if name in FROZEN:
        samples = [DataSample().set_gt_label(label) for label in range(4)]
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model(images, samples, mode='loss')['loss'].backward()
    changed = any(not torch.equal(v, before[k]) for k, v in model.backbone.state_dict().items())
    trained = {key.partition('.')[0] for key, p in model.named_parameters() if p.grad is not None}
    assert trained == ({'head'} if name in FROZEN else {'backbone', 'head'})
    assert changed == (name not in FROZEN)  # the statistics of batch norms
    assert model.head.fc.out_features == classes


@pytest.mark.parametrize('percent', ['1pct', '10pct'])
def test_the_semi_supervised_grid_is_reached_by_options(load, percent):
    options = {
        'optim_wrapper.optimizer.lr': 0.1,
        'optim_wrapper.paramwise_cfg.custom_keys.head.lr_mult': 100,
    }
    config, model = load(f'semi_4xb64-steplr-20e_in1k-{percent}', **options)
    with DefaultScope.overwrite_default_scope(config.default_scope):
        groups = build_optim_wrapper(model, config.optim_wrapper).optimizer.param_groups
    rates = {id(p): group['lr'] for group in groups for p in group['params']}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(10 if name.startswith('head') else 0.1)
    assert percent.removesuffix('pct') + 'percent' in config.train_dataloader.dataset.ann_file


@pytest.mark.parametrize('to_rgb', [True, False])
def test_cifars_rgb_images_are_normalised_as_in_pretraining(tmp_path, load, folder, to_rgb):
    content = torch.load(folder / 'backbone.pth', weights_only=True)
    content['meta']['normalisation']['to_rgb'] = to_rgb
    torch.save(content, tmp_path / 'backbone.pth')
    _, model = load('finetune_4xb64-steplr-10k_cifar10', tmp_path)
    image = torch.tensor(RED, dtype=torch.uint8)[:, None, None].expand(3, 8, 8)
    seen = model.data_preprocessor(dict(inputs=image[None]))['inputs'][0, :, 0, 0].tolist()
    given = RED if to_rgb else RED[::-1]
    assert seen == pytest.approx([(x - m) / s for x, m, s in zip(given, MEAN, STD)], rel=1e-5)
