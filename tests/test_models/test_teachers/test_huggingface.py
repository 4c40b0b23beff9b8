"""Tiny random models of transformers from local folders.

The environment of the tests has none: beside it mmpretrain's own commands do not start.
``pip install --target DIR transformers``, then ``PYTHONPATH=DIR``, runs them.
"""

import json

import pytest
import torch

from gaia_ssl.utils import UserError

transformers = pytest.importorskip('transformers', reason='transformers is not installed')
TOKENS = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    image_size=32,
    patch_size=8,
)
CONV = dict(hidden_sizes=[4, 8], depths=[1, 1], embedding_size=4)
MODELS = dict(
    ViT=(TOKENS, 1),
    Dinov2=(TOKENS, 1),
    Dinov2WithRegisters=(dict(TOKENS, num_register_tokens=4), 5),
    DINOv3ViT=(dict(TOKENS, num_register_tokens=4), 5),
    SiglipVision=(TOKENS, 0),
    CLIPVision=(TOKENS, 1),
    ResNet=(CONV, None),
    ConvNextV2=(dict(hidden_sizes=[4, 4, 4, 8], depths=[1] * 4, num_stages=4, image_size=32), None),
    Swin=(dict(embed_dim=6, depths=[1, 1], num_heads=[1, 1], image_size=32, window_size=4), 0),
)


@pytest.fixture
def save(tmp_path):
    def call(name):
        torch.manual_seed(0)
        options, extra = MODELS[name]
        config = getattr(transformers, f'{name}Config')(**options)
        model = getattr(transformers, f'{name}Model')(config).eval()
        model.save_pretrained(tmp_path)
        return model, extra, dict(type='HuggingFaceTeacher', folder=str(tmp_path))

    return call


@pytest.mark.parametrize('name', MODELS)
def test_features_are_the_last_hidden_state(name, save, teach):
    model, extra, config = save(name)
    teacher = teach(**config)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    embedding, [grid] = teacher(images)
    with torch.no_grad():
        state = model(images).last_hidden_state
    if state.dim() == 4:
        torch.testing.assert_close(grid, state)
        torch.testing.assert_close(embedding, state.mean((2, 3)))
        return
    torch.testing.assert_close(grid.flatten(2).mT, state[:, extra:])
    expected = state[:, 0] if extra else state.mean(1)
    torch.testing.assert_close(embedding, expected)
    mean = teach(**config, pool='mean')(images).embedding
    torch.testing.assert_close(mean, grid.mean((2, 3)))


@pytest.mark.parametrize('name', ['ViT', 'Dinov2', 'SiglipVision', 'CLIPVision', 'DINOv3ViT'])
def test_positions_are_interpolated_for_another_size(name, save, teach):
    _, _, config = save(name)
    teacher = teach(**config, input_size=48)
    assert teacher(torch.randn(2, 3, 64, 64)).maps[0].shape == (2, 16, 6, 6)


def test_the_part_for_images_of_a_model_of_images_and_texts(tmp_path, teach):
    texts = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    config = transformers.CLIPConfig(text_config=texts, vision_config=TOKENS, projection_dim=8)
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(tmp_path)
    images = torch.randn(2, 3, 32, 32)
    embedding = teach(type='HuggingFaceTeacher', folder=str(tmp_path))(images).embedding
    with torch.no_grad():
        expected = model.vision_model(images).last_hidden_state[:, 0]
    torch.testing.assert_close(embedding, expected)


def test_weights_in_16_bits(save, teach, tmp_path):
    model, _, config = save('ViT')
    model.bfloat16().save_pretrained(tmp_path)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = model.float()(images).last_hidden_state[:, 0]
    torch.testing.assert_close(teach(**config)(images).embedding, expected)


def test_normalisation_of_the_folder(save, teach, tmp_path):
    _, _, config = save('ViT')
    assert teach(**config).normalisation == teach(**config).images
    about = dict(image_mean=[0.5, 0.5, 0.5], image_std=[0.25, 0.25, 0.25])
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(about))
    assert teach(**config).normalisation.mean == (127.5,) * 3
    assert teach(**config).normalisation.std == (63.75,) * 3


def test_a_folder_that_lacks_weights_is_refused(save, teach, tmp_path):
    _, _, config = save('ViT')
    with pytest.raises(UserError, match='nowhere has no config.json'):
        teach(**dict(config, folder=str(tmp_path / 'nowhere')))
    file = tmp_path / 'config.json'
    about = json.loads(file.read_text())
    file.write_text(json.dumps(dict(about, num_hidden_layers=3)))
    with pytest.raises(UserError, match='lacks weights of ViTModel .16 missing, 0 misshaped'):
        teach(**config)
    file.write_text(json.dumps(dict(about, intermediate_size=13)))
    with pytest.raises(UserError, match='lacks weights of ViTModel|model.teacher: its settings'):
        teach(**config)
    (tmp_path / 'model.safetensors').unlink()
    with pytest.raises(UserError, match='model.teacher'):
        teach(**config)
