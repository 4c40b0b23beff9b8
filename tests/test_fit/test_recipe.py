"""Training configs for what there is to start from."""

import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import MobileNetV2, ResNet

from gaia_ssl.fit.recipe import PLACE, RECIPES, make_config
from gaia_ssl.models.supernet import build_supernet_backbone
from gaia_ssl.search import SearchSettings
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Variables that a recipe sets are forgotten."""
    for name in ('IMAGES', 'SIDE', 'TEACHER', 'START'):
        monkeypatch.setenv(f'GAIA_SSL_{name}', '')
        monkeypatch.delenv(f'GAIA_SSL_{name}')


def saved(network, path, **meta):
    torch.save(dict(state_dict=network.state_dict(), meta=meta), path)
    return str(path)


@pytest.mark.parametrize('start', RECIPES)
def test_recipes_name_configs_and_settings_of_a_search(start):
    recipe = RECIPES[start]
    assert (PLACE / f'{recipe.config}.py').is_file()
    for task, settings in recipe.search.items():
        SearchSettings(task=task, **settings)


def test_images_and_side(images):
    config = make_config('scratch', str(images), 32)
    assert config.train_dataloader.dataset.data_root == str(images)
    assert config.search.input_size == 32
    views = config.train_dataloader.dataset.pipeline[1]
    assert views.num_views == 2 and views.transforms[0][0].scale == 32
    # the stem keeps the size of small images
    assert config.model.backbone.stem == '3x3'
    assert 'stem' not in make_config('scratch', str(images), 64).model.backbone


def test_a_teacher(images, tmp_path):
    path = saved(ResNet(18), tmp_path / 'r18.pth')
    config = make_config('teacher', str(images), 32, path)
    teacher = config.model.teacher
    assert (teacher.depth, teacher.init_cfg.checkpoint) == (18, path)
    assert teacher.input_size == 64
    path = saved(MobileNetV2(), tmp_path / 'mobile.pth')
    with pytest.raises(UserError, match='teacher: .* is none of ResNet-18 to 152; write a config'):
        make_config('teacher', str(images), 32, path)


def test_a_network_to_start_from(images, tmp_path):
    normalisation = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=False)
    path = saved(ResNet(18), tmp_path / 'r18.pth', style='caffe', normalisation=normalisation)
    config = make_config('pretrained', str(images), 64, path, str(tmp_path / 'start.pth'))
    model = config.model
    assert (model.backbone.space, model.backbone.style) == ('ar10to18', 'caffe')
    assert (model.teacher.space, model.teacher.style) == ('ar10to18', 'caffe')
    assert model.neck.in_channels == 512
    assert {key: model.data_preprocessor[key] for key in normalisation} == normalisation
    assert config.load_from == str(tmp_path / 'start.pth')
    assert build_supernet_backbone(config).space.max == get_space('ar10to18').max


def test_a_mobile_network_to_start_from_is_as_the_zoo_has_it(images, tmp_path):
    path = saved(MobileNetV2(), tmp_path / 'mobile.pth')
    own = make_config('pretrained', str(images), 64, path, 'start.pth').model
    zoo = Config.fromfile(PLACE.parent / 'warm_start/warm_mb7to17_8xb32-coslr-20e_in1k.py').model
    assert own.backbone == zoo.backbone and own.neck.in_channels == zoo.neck.in_channels
    assert list(own.teacher.out_indices) == list(zoo.teacher.out_indices)


def test_a_network_that_no_preset_has_as_its_largest(images, tmp_path):
    path = saved(ResNet(152), tmp_path / 'r152.pth')
    with pytest.raises(UserError, match='pretrained: .* is the largest subnet of no preset'):
        make_config('pretrained', str(images), 64, path, 'start.pth')
