"""Batch-norm statistics measured on images."""

import copy
import shutil

import pytest
import torch
import torch.nn as nn
from mmengine.config import Config

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.export.calibrate import CalibrationImages, calibrate
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = SubnetResNet(TINY.min, block='basic', stem='3x3s2')
    net.init_weights()
    return net


def test_statistics_are_the_average_over_batches(monkeypatch, source, photos, net):
    monkeypatch.setattr('gaia_ssl.export.calibrate.BATCH', 4)
    images = CalibrationImages(source[0], str(photos), 64)
    assert len(images) == 10 and [len(b) for b in images.batches] == [4, 3, 3]
    weights = {key: value.clone() for key, value in net.named_parameters()}
    net.bn1.running_mean.fill_(7)
    record = calibrate(net, images)
    assert len(record.pop('images_sha256')) == 64
    assert record == dict(folder=str(photos), images=10, batches=3, batch_size=4)

    batches = list(images)
    assert batches[0].shape == (4, 3, 64, 64)
    outs = [net.conv1(batch, 8).detach() for batch in batches]
    mean = torch.stack([out.mean((0, 2, 3)) for out in outs]).mean(0)
    var = torch.stack([out.transpose(0, 1).flatten(1).var(1) for out in outs]).mean(0)
    torch.testing.assert_close(net.bn1.running_mean, mean)
    torch.testing.assert_close(net.bn1.running_var, var)
    for module in net.modules():
        assert not module.training
        if isinstance(module, nn.BatchNorm2d):
            assert module.momentum == 0.1 and module.num_batches_tracked == 3
    assert all(torch.equal(weights[key], value) for key, value in net.named_parameters())


def test_images_are_normalised_as_in_training(source, photos):
    [batch] = CalibrationImages(source[0], str(photos), 64)
    # uniform noise, mean 127.5
    expected = (127.5 - torch.tensor([120.0, 110.0, 100.0])) / torch.tensor([60.0, 50.0, 55.0])
    torch.testing.assert_close(batch.mean((0, 2, 3)), expected, rtol=0, atol=0.03)


def test_the_preprocessing_may_be_at_the_top_level(source, photos):
    inside, top = source[0], copy.deepcopy(source[0])
    top.data_preprocessor = top.model.pop('data_preprocessor')
    [one], [other] = (CalibrationImages(config, str(photos), 64) for config in (inside, top))
    assert torch.equal(one, other)


def test_images_of_another_size_than_said(source, photos):
    config = copy.deepcopy(source[0])
    config.search.pipeline = default_pipeline(32)
    with pytest.raises(UserError, match='search.pipeline: .* 32x32, but input_size is 64'):
        CalibrationImages(config, str(photos), 64)


def test_a_sample_is_mixed_and_repeatable(source, photos):
    one, two = (CalibrationImages(source[0], str(photos), 64, num=4) for _ in range(2))
    assert len(one) == 4
    assert [list(b) for b in one.batches] == [list(b) for b in two.batches]
    names = {one.images.names[i].split('/')[0] for batch in one.batches for i in batch}
    assert names == {'class0', 'class1'}


@pytest.mark.parametrize('num', [1, 0, -3])
def test_too_small_a_sample(source, photos, num):
    with pytest.raises(UserError, match=f'calibrate_num: {num} is too few'):
        CalibrationImages(source[0], str(photos), 64, num=num)


def test_too_few_images(tmp_path, source, photos):
    (tmp_path / 'one.png').write_bytes((photos / 'class0' / '0.png').read_bytes())
    with pytest.raises(UserError, match='calibrate_on: .* holds 1 image, too few'):
        CalibrationImages(source[0], str(tmp_path), 64)


def test_the_record_tells_images_by_their_content(source, photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / 'copy')

    def digest(folder):
        return CalibrationImages(source[0], str(folder), 64).describe()['images_sha256']

    assert digest(copy) == digest(photos)
    (copy / 'class0/0.png').write_bytes((copy / 'class0/2.png').read_bytes())
    assert digest(copy) != digest(photos)


def test_views_of_the_pretraining(source, photos, net):
    config = copy.deepcopy(source[0])
    two_views = dict(
        type='mmpretrain.MultiView',
        num_views=2,
        transforms=[[dict(type='mmpretrain.RandomResizedCrop', scale=24)]],
    )
    config.train_dataloader = dict(
        dataset=dict(
            type='TrainingImages',
            data_prefix=str(photos),
            pipeline=[dict(type='LoadAnyImage'), two_views, dict(type='mmpretrain.PackInputs')],
        )
    )
    images = CalibrationImages(config, None, 64, num=6)
    [batch], [again] = images, images
    assert batch.shape == (6, 3, 24, 24) and torch.equal(batch, again)
    record = calibrate(net, images)
    assert len(record.pop('images_sha256')) == 64
    assert record == dict(folder=None, images=6, batches=1, batch_size=6)
    torch.testing.assert_close(net.bn1.running_mean, net.conv1(batch, 8).mean((0, 2, 3)).detach())


def test_views_of_data_that_are_missing(source):
    config = copy.deepcopy(source[0])
    config.train_dataloader = dict(dataset=dict(data_root='/nowhere'))
    with pytest.raises(UserError, match='data_root: /nowhere does not exist'):
        CalibrationImages(config, None, 64)


def test_without_preprocessing(photos):
    config = Config(dict(model=dict(type='DynamicMoCo')))
    [batch] = CalibrationImages(config, str(photos), 32)
    assert 100 < batch.float().mean() < 150
