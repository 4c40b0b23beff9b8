"""Every config of a supernet on images of one's own; a new config is covered when it is added."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

import gaia_ssl.datasets  # noqa: F401 - registers LoadAnyImage
import gaia_ssl.models.selfsup  # noqa: F401 - registers the methods
from gaia_ssl.engine.resumable import make_resumable
from gaia_ssl.registry import ARCH_SAMPLERS, MODELS
from gaia_ssl.space import get_space

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / 'configs').glob('*/*.py')
    if path.parts[-2] not in ('_base_', 'quickstart')
)
# several datasets; the quickstart's tests train it
FOLDERS = [path for path in CONFIGS if 'scenes' not in path]


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Images in ImageNet's layout, with the lists of them that configs name."""
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    names = [f'n01440764/{i}.jpg' for i in range(4)]
    (root / 'train/n01440764').mkdir(parents=True)
    for name in names:
        coarse = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(root / 'train' / name), cv2.resize(coarse, (96, 96)))
    (root / 'meta').mkdir()
    (root / 'meta/train_10percent.txt').write_text(''.join(f'{name}\n' for name in names))
    return root


def views_of(config):
    """Number of views and side of each kind of view."""
    multi_view = config.train_dataloader.dataset.pipeline[1]
    kinds = multi_view.transforms
    numbers = multi_view.num_views
    numbers = [numbers] if isinstance(numbers, int) else numbers
    return list(zip(numbers, [kind[0].scale for kind in kinds], strict=True))


@pytest.mark.parametrize('path', FOLDERS)
def test_parts_fit_together(images, path):
    config = Config.fromfile(ROOT / path)
    space = get_space(config.model.backbone.space)
    ARCH_SAMPLERS.build(config.model.arch_sampler).sample(space, 0)
    with DefaultScope.overwrite_default_scope('gaia_ssl'):
        pipeline = Compose(config.train_dataloader.dataset.pipeline)
    sample = pipeline(dict(img_path=str(images / 'train/n01440764/0.jpg')))
    sides = [side for number, side in views_of(config) for _ in range(number)]
    assert [tuple(view.shape) for view in sample['inputs']] == [(3, s, s) for s in sides]
    # a batch norm, of a neck at least, sees the whole batch; learning rates say for which
    assert config.auto_scale_lr.base_batch_size % config.train_dataloader.batch_size == 0


def inherit(path, folder):
    """Write a config of one's own that inherits one of the zoo, as with an installed wheel."""
    own = folder / 'own.py'
    own.write_text(f"_base_ = 'gaia_ssl::{path.removeprefix('configs/')}'\n")
    return own


@pytest.mark.parametrize('path', FOLDERS)
def test_dataloader_of_an_inherited_config(images, tmp_path, path):
    config = make_resumable(Config.fromfile(inherit(path, tmp_path)))
    loader = config.train_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)
    loader.dataset.dataset.update(data_root=str(images), data_prefix='train')
    with DefaultScope.overwrite_default_scope('gaia_ssl'):
        built = Runner.build_dataloader(loader, seed=0)
    batch = built.collate_fn([dict(inputs=[torch.zeros(3, 4, 4)] * 2)] * 2)
    assert [tuple(view.shape) for view in batch['inputs']] == [(2, 3, 4, 4)] * 2
    assert len(built.dataset) == 4


def test_an_inherited_config_trains(images, tmp_path, command):
    """Two iterations from another directory; the slow test below does it with every config."""
    own = inherit('configs/byol/byol_tiny10to22_bs64-coslr-3e_cifar10.py', tmp_path)
    options = ['batch_size=2', 'num_workers=0', 'persistent_workers=False']
    options += [f'dataset.data_root={images}', 'dataset.data_prefix=train']
    options = [f'train_dataloader.{option}' for option in options]
    options += ['train_cfg.max_epochs=1', 'default_hooks.logger.interval=1']
    done = command('tools/train.py', own.name, '--cfg-options', *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Epoch(train) [1][2/2]' in done.stdout


def teacher_options(config, folder):
    """Options of a frozen teacher with random weights, and with random components.

    A supernet that starts from a network has that network as its teacher, in the same file.
    """
    model = config.model
    if 'teacher' not in model:
        return {}
    own = {k: v for k, v in model.teacher.items() if k not in ('init_cfg', 'data_preprocessor')}
    own.pop('input_size', None)
    network, path = MODELS.build(own), folder / 'teacher.pth'
    network.eval()  # which returns nothing in OpenMMLab's backbones
    prefix = model.teacher.init_cfg.get('prefix', '')
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, path)
    with torch.no_grad():
        channels = network(torch.zeros(1, 3, 64, 64))[-1].size(1)
    components = torch.randn(model.components, channels)
    torch.save(dict(center=torch.zeros(channels), components=components), folder / 'components.pth')
    teacher = dict(init_cfg=dict(checkpoint=path))
    options = dict(model=dict(components_file=folder / 'components.pth', teacher=teacher))
    return options | (dict(load_from=path) if config.load_from else {})


@pytest.mark.slow
@pytest.mark.parametrize('path', FOLDERS)
def test_trains(images, tmp_path, path):
    """Two iterations of two images through tools/train.py, at 64 px and smaller.

    The config is inherited from another directory.
    """
    config = Config.fromfile(ROOT / path)
    options = dict(
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            persistent_workers=False,
            dataset=dict(data_root=images, data_prefix='train'),
        ),
        train_cfg=dict(max_epochs=1),
        default_hooks=dict(
            logger=dict(interval=1), checkpoint=dict(interval=1, save_optimizer=False)
        ),
    )
    options |= teacher_options(config, tmp_path)
    flat = [f'{key}={value}' for key, value in _flatten(options)]
    for kind, (_, side) in enumerate(views_of(config)):
        key = f'train_dataloader.dataset.pipeline.1.transforms.{kind}.0.scale'
        flat.append(f'{key}={min(64, side // 2)}')
    done = subprocess.run(
        [
            *(sys.executable, ROOT / 'tools/train.py', inherit(path, tmp_path)),
            *('--work-dir', tmp_path, '--cfg-options', *flat),
        ],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Epoch(train) [1][2/2]' in done.stdout and 'nan' not in done.stdout.lower()
    checkpoint = tmp_path / 'epoch_1.pth'
    weights = torch.load(checkpoint, weights_only=False)['state_dict']
    checkpoint.unlink()  # most of a gigabyte
    assert all(value.isfinite().all() for value in weights.values())


def _flatten(options, prefix=''):
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _flatten(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value
