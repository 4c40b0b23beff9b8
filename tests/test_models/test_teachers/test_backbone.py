"""Backbones of the projects; each gives an embedding and a map."""

import re

import pytest
import torch
from mmengine.registry import MODELS

from gaia_ssl.models.teachers import Normalisation
from gaia_ssl.utils import UserError

TOKENS = dict(embed_dims=12, num_layers=2, num_heads=2, feedforward_channels=24)
NETWORKS = dict(
    resnet=dict(type='mmpretrain.ResNet', depth=18, stem_channels=4, base_channels=4),
    mmdet=dict(type='mmdet.ResNet', depth=18, base_channels=4, stem_channels=4),
    mmseg=dict(type='mmseg.ResNetV1c', depth=18, base_channels=4, stem_channels=4),
    vit=dict(type='mmpretrain.VisionTransformer', arch=TOKENS, img_size=64, patch_size=16),
    convnext=dict(type='mmpretrain.ConvNeXt', arch=dict(depths=[1] * 4, channels=[4, 4, 4, 8])),
    swin=dict(
        type='mmpretrain.SwinTransformer',
        arch=dict(embed_dims=4, depths=[1] * 4, num_heads=[1] * 4),
        img_size=64,
        pad_small_map=True,
    ),
    mobile=dict(type='mmpretrain.MobileNetV2', widen_factor=0.25),
)


@pytest.mark.parametrize('name', NETWORKS)
def test_features_of_a_backbone(name, pretrained, teach):
    teacher = teach(**pretrained(**NETWORKS[name]))
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    embedding, maps = teacher(images)
    assert embedding.shape == (2, teacher.channels) and embedding.isfinite().all()
    assert maps[-1].shape[:2] == (2, teacher.channels) and maps[-1].dim() == 4
    backbone = teacher.network.backbone
    outputs = backbone(images)
    if name == 'vit':
        tokens = outputs[-1]
        assert torch.equal(embedding, tokens[:, 0])
        # the second position of the first row
        assert torch.equal(maps[-1][:, :, 0, 1], tokens[:, 2])
    else:
        assert torch.equal(embedding, outputs[-1].mean((2, 3)))
        assert torch.equal(maps[-1], outputs[-1])


def test_mean_of_positions_instead_of_the_class_token(pretrained, teach):
    config = pretrained(**NETWORKS['vit'])
    images = torch.randn(2, 3, 64, 64)
    embedding, [grid] = teach(**config, pool='mean')(images)
    torch.testing.assert_close(embedding, grid.mean((2, 3)))
    assert not torch.allclose(embedding, teach(**config)(images).embedding)


def test_positions_are_adapted_to_another_size(pretrained, teach):
    config = pretrained(**NETWORKS['vit'])
    teacher = teach(**dict(config, img_size=32))
    assert teacher.input_size == 32
    assert teacher(torch.randn(2, 3, 64, 64)).maps[0].shape == (2, 12, 2, 2)


def test_all_outputs_give_maps(pretrained, teach):
    teacher = teach(**pretrained(**NETWORKS['resnet'], out_indices=(1, 3)))
    shapes = [tuple(m.shape[1:]) for m in teacher(torch.randn(1, 3, 64, 64)).maps]
    assert shapes == [(8, 8, 8), (32, 2, 2)] and teacher.num_maps == 2


def test_a_class_of_its_own_can_be_given(pretrained, teach):
    config = pretrained(**NETWORKS['resnet'])
    cls = MODELS.get('mmpretrain.ResNet')
    assert teach(**dict(config, type=cls)).channels == 32


@pytest.fixture
def caffe(pretrained):
    """A teacher's config, whose checkpoint tells its style and normalisation."""
    config = pretrained(**NETWORKS['resnet'], style='caffe')
    file = config['init_cfg']['checkpoint']
    images = dict(mean=[103.9, 116.8, 123.7], std=[1.0, 1.0, 1.0], to_rgb=False)
    meta = dict(style='caffe', normalisation=images)
    torch.save(dict(state_dict=torch.load(file), meta=meta), file)
    return config


def test_a_checkpoint_tells_the_normalisation(caffe, teach):
    told = Normalisation((103.9, 116.8, 123.7), (1.0, 1.0, 1.0), False)
    del caffe['style']
    images = dict(mean=told.mean, std=told.std)
    teacher = teach(**caffe)
    assert teacher.normalisation == told and teacher.network.backbone.style == 'caffe'
    assert teach(**caffe, data_preprocessor=images).normalisation == told


def test_what_a_checkpoint_tells_otherwise_is_refused(caffe, teach):
    file = caffe['init_cfg']['checkpoint']
    line = f"model.teacher.style: 'pytorch', but {file} is in caffe style; set it to 'caffe', or"
    line += ' leave it out'
    with pytest.raises(UserError, match=f'^{re.escape(line)}$'):
        teach(**dict(caffe, style='pytorch'))
    images = dict(mean=[123.7, 116.8, 103.9], std=[1.0, 1.0, 1.0], to_rgb=True)
    line = (
        'model.teacher.data_preprocessor: the checkpoint says that its images have '
        'mean=[103.9, 116.8, 123.7] std=[1.0, 1.0, 1.0] to_rgb=False; set those, or leave it out'
    )
    with pytest.raises(UserError, match=f'^{re.escape(line)}$'):
        teach(**caffe, data_preprocessor=images)
