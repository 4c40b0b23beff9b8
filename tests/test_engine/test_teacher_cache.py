"""A training fills its cache: see also ``tests/test_tools/test_train_distill.py``."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmengine.logging import MMLogger
from mmpretrain.models import SelfSupDataPreprocessor

from gaia_ssl.datasets.training_images import TrainingImages
from gaia_ssl.engine import teacher_cache
from gaia_ssl.engine.teacher_cache import prepare_cache
from gaia_ssl.models.teachers import EmbeddingCache, Features, FrozenTeacher, TeacherNetwork
from gaia_ssl.models.teachers.normalisation import Normalisation
from gaia_ssl.utils import UserError

NORMS = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=True)


class Means(TeacherNetwork):
    """The mean of each channel."""

    def forward(self, images):
        return Features(images.mean((2, 3)))


@pytest.fixture
def teacher():
    return FrozenTeacher(Means(), Normalisation.of(NORMS), input_size=8)


@pytest.fixture
def images(tmp_path):
    for index in range(10):
        noise = np.random.default_rng(index).integers(0, 255, (8, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f'{index}.png'), noise)
    return TrainingImages(str(tmp_path), pipeline=[dict(type='LoadAnyImage')])


@pytest.fixture
def runner(images, monkeypatch):
    """What of a runner is used."""
    for module in ('gaia_ssl.engine.teacher_cache', 'gaia_ssl.models.teachers.cache'):
        monkeypatch.setattr(f'{module}.BLOCK', 4)  # blocks of 4, 4 and 2
    loader = SimpleNamespace(dataset=images, num_workers=0)
    model = SimpleNamespace(data_preprocessor=SelfSupDataPreprocessor(**NORMS))
    logger = MMLogger.get_current_instance()
    return SimpleNamespace(train_dataloader=loader, model=model, logger=logger)


def expected(images):
    pixels = [cv2.imread(images.get_data_info(i)['img_path'])[..., ::-1] for i in range(10)]
    return ((np.stack(pixels).astype(float) - NORMS['mean']) / NORMS['std']).mean((1, 2))


def test_embeddings_of_all_images(runner, teacher, images, tmp_path):
    cache = prepare_cache(runner, teacher, str(tmp_path / 'cache'))
    np.testing.assert_allclose(cache[list(range(10))], expected(images), rtol=1e-4)


def test_processes_share_the_work(runner, teacher, images, tmp_path, monkeypatch):
    folder, written = str(tmp_path / 'cache'), []
    write = EmbeddingCache.write
    monkeypatch.setattr(
        EmbeddingCache,
        'write',
        lambda self, block, x: (written.append(block), write(self, block, x)),
    )
    monkeypatch.setattr(teacher_cache, 'get_dist_info', lambda: (0, 2))
    with pytest.raises(UserError, match='lacks what other processes computed'):
        prepare_cache(runner, teacher, folder)
    assert written == [range(4), range(8, 10)]
    monkeypatch.setattr(teacher_cache, 'get_dist_info', lambda: (0, 1))
    cache = prepare_cache(runner, teacher, folder)
    assert written[2:] == [range(4, 8)]
    np.testing.assert_allclose(cache[list(range(10))], expected(images), rtol=1e-4)


def test_images_of_several_datasets_are_refused(runner, teacher, images, tmp_path):
    runner.train_dataloader.dataset = ConcatDataset([images, images])
    with pytest.raises(UserError, match='model.teacher.cache: .* come from 2 TrainingImages'):
        prepare_cache(runner, teacher, str(tmp_path / 'cache'))
    assert not (tmp_path / 'cache').exists()
