"""Random networks of timm from local files."""

import pytest
import torch

from gaia_ssl.utils import UserError

timm = pytest.importorskip('timm', minversion='1.0')
SMALL_VIT = dict(img_size=64, embed_dim=16, depth=2, num_heads=2)
NETWORKS = {
    'resnet18': dict(channels=(4, 4, 4, 8)),
    'vit_tiny_patch16_224': SMALL_VIT,
    'vit_small_patch14_reg4_dinov2': dict(SMALL_VIT, img_size=56),
    'vit_small_patch16_dinov3': SMALL_VIT,
    'swin_tiny_patch4_window7_224': dict(img_size=64, embed_dim=8, depths=(1, 1, 1, 1)),
    'convnext_atto': dict(dims=(4, 4, 8, 8), depths=(1, 1, 1, 1)),
    'mobilenetv4_conv_small': {},
}


@pytest.fixture
def save(tmp_path):
    """Save a network with its classifier; return it without, and the config of the teacher."""

    def call(name, suffix='pth'):
        torch.manual_seed(0)
        model = timm.create_model(name, num_classes=7, **NETWORKS[name])
        file = tmp_path / f'weights.{suffix}'
        if suffix == 'pth':
            torch.save(model.state_dict(), file)
        else:
            pytest.importorskip('safetensors.torch').save_file(model.state_dict(), file)
        init_cfg = dict(type='Pretrained', checkpoint=str(file))
        config = dict(type='TimmTeacher', model_name=name, init_cfg=init_cfg, **NETWORKS[name])
        return model.eval(), config

    return call


@pytest.mark.parametrize('name', NETWORKS)
def test_features_are_those_that_the_classifier_reads(name, save, teach):
    model, config = save(name)
    side = NETWORKS[name].get('img_size', 64)
    teacher = teach(**config)
    own = model.pretrained_cfg
    norms = dict(mean=[255 * x for x in own['mean']], std=[255 * x for x in own['std']])
    # the supernet's normalisation is another one
    images = 255 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(norms[key]).view(-1, 1, 1) for key in ('mean', 'std'))
    ours = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    embedding, [last] = teacher((images - ours[0].view(-1, 1, 1)) / ours[1].view(-1, 1, 1))
    with torch.no_grad():
        features = model.forward_features((images - mean) / std)
        expected = model.forward_head(features, pre_logits=True)
    torch.testing.assert_close(embedding, expected, rtol=1e-4, atol=1e-5)
    assert last.shape[:2] == (2, model.num_features) and last.shape[2] == last.shape[3] > 1
    if features.dim() == 3:
        tokens = features[:, model.num_prefix_tokens :]
        torch.testing.assert_close(last.flatten(2).mT, tokens, rtol=1e-4, atol=1e-5)


def test_safetensors_and_several_maps(save, teach):
    model, config = save('resnet18', 'safetensors')
    teacher = teach(**config, indices=2)
    assert teacher.num_maps == 2 and teacher.input_size is None
    own = teacher.network.model.state_dict()
    assert all(torch.equal(own[key], model.state_dict()[key]) for key in own)


def test_weights_are_needed_and_checked(save, teach):
    _, config = save('vit_tiny_patch16_224')
    with pytest.raises(UserError, match='model.teacher.init_cfg: None names no checkpoint'):
        teach(**dict(config, init_cfg=None))
    with pytest.raises(UserError, match='does not fit the teacher: .* unexpected .first: blocks.1'):
        teach(**dict(config, depth=1))
    with pytest.raises(UserError, match='model.teacher: .*no_such_net'):
        teach(**dict(config, model_name='no_such_net'))
    damaged = config['init_cfg']['checkpoint'].replace('pth', 'safetensors')
    with open(damaged, 'wb') as file:
        file.write(b'damaged')
    init_cfg = dict(type='Pretrained', checkpoint=damaged)
    with pytest.raises(UserError, match='weights.safetensors cannot be read'):
        teach(**dict(config, init_cfg=init_cfg))


def test_a_vision_transformer_tells_its_size(save, teach):
    _, config = save('vit_tiny_patch16_224')
    teacher = teach(**config)
    assert teacher.input_size == 64
    assert teacher(torch.randn(1, 3, 48, 80)).maps[0].shape == (1, 16, 4, 4)
    with pytest.raises(UserError, match='it cannot read 3 channels of 32 px'):
        teach(**config, input_size=32)
