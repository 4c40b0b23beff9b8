"""Training, search, calibration, kNN and inference read the same files, and the same pixels."""

import json
import os
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from gaia_ssl.apis import FeatureInferencer
from gaia_ssl.datasets import TrainingImages
from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.datasets.views import TrainingViews
from gaia_ssl.export.calibrate import CalibrationImages

maker = SourceFileLoader(
    'awkward_images', str(Path(__file__).with_name('awkward_images.py'))
).load_module()
SIDE = maker.SIDE
PIPELINE = [dict(type='gaia_ssl.LoadAnyImage'), dict(type='mmpretrain.PackInputs')]
CONFIG = 'configs/mocov2/mocov2_tiny10to22_bs64-coslr-3e_cifar10.py'


@pytest.fixture(scope='module')
def awkward(tmp_path_factory):
    """A folder of awkward images, and the pixels of each."""
    root = tmp_path_factory.mktemp('awkward')
    return root / 'train', maker.write_awkward_images(root / 'train')


def rgb(inputs):
    """Packed BGR, (3, H, W) -> RGB, (H, W, 3)."""
    return inputs.numpy().transpose(1, 2, 0)[..., ::-1]


def test_everything_reads_the_same_files_and_pixels(awkward, extracted):
    root, expected = awkward
    search = ImageSet(str(root), PIPELINE)
    real = {os.path.realpath(root / name) for name in expected}
    paths = [search.path(index) for index in range(len(search))]
    assert len(paths) == len(real) == len(expected)
    assert {os.path.realpath(path) for path in paths} == real
    training = TrainingImages(str(root.parent), root.name, pipeline=PIPELINE)
    assert [training.get_data_info(i)['img_path'] for i in range(len(training))] == paths
    inferencer = FeatureInferencer(str(extracted()), device='cpu', input_size=SIDE)
    assert inferencer._inputs_to_list(str(root)) == paths
    knn = LabeledImageSet(str(root), PIPELINE)
    of_knn = {knn.path(index): index for index in range(len(knn))}
    assert {os.path.realpath(path) for path in of_knn} == real

    config = Config(dict(model=dict(data_preprocessor={}), search=dict(pipeline=PIPELINE)))
    config.train_dataloader = dict(
        dataset=dict(
            type='gaia_ssl.TrainingImages',
            data_prefix=str(root),
            # with one view, the training's are the images
            pipeline=[PIPELINE[0], dict(type='mmpretrain.MultiView', num_views=1, transforms=[[]])]
            + PIPELINE[1:],
        )
    )
    views = TrainingViews(config)
    calibration = CalibrationImages(config, str(root), SIDE)
    assert len(calibration) == len(views) == len(paths)
    small = ImageSet(str(root), default_pipeline(SIDE))
    for index, (path, name) in enumerate(zip(paths, search.names)):
        image = rgb(search[index])
        same = [training[index]['inputs'], views[index], calibration.images[index]]
        same += [knn[of_knn[path]]] if path in of_knn else []
        assert all(np.array_equal(rgb(other), image) for other in same), name
        assert np.array_equal(rgb(inferencer.pipeline(path)['inputs']), rgb(small[index])), name
        pixels = expected[os.path.relpath(os.path.realpath(path), root)]
        assert pixels is maker.LOSSY or np.array_equal(image, pixels), name


@pytest.fixture(scope='module')
def trained(awkward, command, tmp_path_factory):
    """A training on the folder: its work dir, and its standard output."""
    root, _ = awkward
    work_dir = tmp_path_factory.mktemp('trained')
    options = ['batch_size=32', 'num_workers=0', 'persistent_workers=False']
    done = command(
        'tools/train.py',
        *(CONFIG, '--work-dir', work_dir, '--cfg-options', 'train_cfg.max_epochs=1'),
        *(f'train_dataloader.{option}' for option in options),
        env=dict(GAIA_SSL_CIFAR10=str(root.parent)),
    )
    assert done.returncode == 0, done.stderr
    return work_dir, done.stdout


@pytest.mark.slow
def test_a_training_prints_the_number_of_its_images(awkward, trained):
    root, expected = awkward
    assert f'{len(expected)} images in {root}\n' in trained[1]
    assert f'{len(expected)} images per epoch\n' in trained[1]


@pytest.mark.slow
def test_the_other_commands_count_the_same_images(awkward, trained, command, tmp_path):
    root, expected = awkward
    config_and_weights = (CONFIG, trained[0] / 'epoch_1.pth')
    search, subnet, knn = (tmp_path / name for name in ('search', 'subnet', 'knn'))
    for arguments in (
        ('search.py', '--images', root, '--work-dir', search, '--task', 'global', '--num', 1),
        ('extract.py', '--arch', 'MIN', '--out', subnet, '--calibrate', root),
        ('test.py', '--train', root, '--val', root, '--work-dir', knn),
    ):
        done = command(f'tools/{arguments[0]}', *config_and_weights, *arguments[1:])
        assert done.returncode == 0, done.stderr
    meta = json.loads((search / 'search.json').read_text())['meta']
    assert meta['images_count'] == len(expected)
    meta = torch.load(subnet / 'backbone.pth', weights_only=True)['meta']
    assert meta['calibration']['images'] == len(expected)
    meta = json.loads((knn / 'test.json').read_text())['meta']
    assert meta['train_images'] == len(expected) + 2  # two links to images of the other class
