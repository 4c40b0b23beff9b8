"""Random networks of torchvision from local files."""

import pytest
import torch
import torchvision

from gaia_ssl.utils import UserError

NETWORKS = dict(
    resnet18={},
    mobilenet_v2=dict(width_mult=0.25),
    shufflenet_v2_x0_5={},
    efficientnet_b0={},
    swin_t=dict(embed_dim=8, num_heads=[1, 1, 1, 1], depths=[1, 1, 1, 1]),
    vit_b_16=dict(image_size=64, num_layers=1, hidden_dim=12, num_heads=2, mlp_dim=12),
)
CLASSIFIER = dict(mobilenet_v2='classifier.1', efficientnet_b0='classifier.1', swin_t='head')
CLASSIFIER.update(resnet18='fc', shufflenet_v2_x0_5='fc', vit_b_16='heads.head')


@pytest.fixture
def save(tmp_path, monkeypatch):
    def call(name):
        torch.manual_seed(0)
        if name == 'swin_t':  # the function fixes the sizes
            model = torchvision.models.SwinTransformer([4, 4], window_size=[7, 7], **NETWORKS[name])
            monkeypatch.setattr(
                'gaia_ssl.models.teachers.torchvision.get_model', lambda *args, **kwargs: model
            )
        elif name == 'vit_b_16':
            model = torchvision.models.VisionTransformer(patch_size=16, **NETWORKS[name])
            monkeypatch.setattr(
                'gaia_ssl.models.teachers.torchvision.get_model', lambda *args, **kwargs: model
            )
        else:
            model = torchvision.models.get_model(name, **NETWORKS[name])
        file = str(tmp_path / 'weights.pth')
        torch.save(model.state_dict(), file)
        init_cfg = dict(type='Pretrained', checkpoint=file)
        return model.eval(), dict(
            type='TorchvisionTeacher', name=name, init_cfg=init_cfg, **NETWORKS[name]
        )

    return call


@pytest.mark.parametrize('name', NETWORKS)
def test_features_are_those_that_the_classifier_reads(name, save, teach):
    model, config = save(name)
    read = []
    model.get_submodule(CLASSIFIER[name]).register_forward_pre_hook(
        lambda module, inputs: read.append(inputs[0])
    )
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model(images)
    teacher = teach(**config)
    embedding, [grid] = teacher(images)
    torch.testing.assert_close(embedding, read[0], rtol=1e-4, atol=1e-5)
    assert grid.shape[:2] == embedding.shape and grid.shape[2] > 1
    if name != 'vit_b_16':
        torch.testing.assert_close(grid.mean((2, 3)), embedding, rtol=1e-4, atol=1e-5)


def test_nodes_can_be_named(save, teach):
    _, config = save('resnet18')
    teacher = teach(**config, map='layer3', embedding='flatten')
    assert teacher(torch.randn(1, 3, 64, 64)).maps[0].shape == (1, 256, 4, 4)
    with pytest.raises(UserError, match='model.teacher: .*layer9'):
        teach(**config, map='layer9')


def test_weights_are_needed(teach):
    with pytest.raises(UserError, match='model.teacher.init_cfg: None names no checkpoint'):
        teach(type='TorchvisionTeacher', name='resnet18')


@pytest.mark.parametrize('meta', [dict(style='caffe'), dict(family=dict(style='caffe'))])
def test_weights_in_caffe_style_are_refused(save, teach, meta):
    """They have the same shapes, and compute other features."""
    model, config = save('resnet18')
    file = config['init_cfg']['checkpoint']
    torch.save(dict(state_dict=model.state_dict(), meta=meta), file)
    with pytest.raises(UserError, match=r'model.teacher.type: .* is in caffe style, which this n'):
        teach(**config)


def test_a_checkpoint_tells_the_normalisation(save, teach):
    model, config = save('resnet18')
    told = dict(mean=[127.0] * 3, std=[64.0] * 3, to_rgb=True)
    content = dict(state_dict=model.state_dict(), meta=dict(normalisation=told))
    torch.save(content, config['init_cfg']['checkpoint'])
    assert teach(**config).normalisation == ((127.0,) * 3, (64.0,) * 3, True)
    with pytest.raises(UserError, match='model.teacher.data_preprocessor: the checkpoint says'):
        teach(**config, data_preprocessor=dict(told, to_rgb=False))
