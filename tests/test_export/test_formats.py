"""Subnets in the formats of other runtimes."""

import copy
import functools

import numpy as np
import pytest
import torch
from mmengine.config import Config

from gaia_ssl.export import FORMATS, Choice, extract
from gaia_ssl.export.formats import ABOUT, check_formats
from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


def read_onnx(path):
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    [images] = session.get_inputs()
    assert (images.name, images.type) == ('images', 'tensor(uint8)')
    assert images.shape == ['batch', 3, 'height', 'width']
    names = [out.name for out in session.get_outputs()]

    def run(images):
        outputs = [torch.from_numpy(x) for x in session.run(None, {'images': images.numpy()})]
        return outputs[0] if names == ['features'] else outputs

    assert names in (['features'], ['stage1', 'stage2', 'stage3', 'stage4'])
    return run, onnx.load(path).doc_string


def read_torchscript(path):
    about = {ABOUT: ''}
    return torch.jit.load(path, _extra_files=about), about[ABOUT].decode()


def read_torch_export(path):
    about = {ABOUT: ''}
    return torch.export.load(path, extra_files=about).module(), about[ABOUT]


READERS = dict(onnx=read_onnx, torchscript=read_torchscript, torch_export=read_torch_export)
# its exporter alone takes ten seconds
SLOW = [pytest.param('onnx', marks=pytest.mark.slow)]
NAMES = SLOW + [name for name in FORMATS if name != 'onnx']
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 50.0, 55.0]  # of the pretraining


@pytest.fixture(scope='module')
def exported(tmp_path_factory, source):
    """Extract a random subnet in one format; return the folder."""

    @functools.cache
    def make(name, to_rgb=True, pooled=False):
        out = tmp_path_factory.mktemp('exported') / 'subnet'
        config = copy.deepcopy(source[0])
        config.model.data_preprocessor.to_rgb = to_rgb
        choice = Choice(TINY.sample(np.random.default_rng(3)))
        extract(config, source[1], choice, str(out), formats=[name], pooled=pooled)
        return out

    return make


# (N, H, W); torch.export takes multiples of 4 pixels
SIZES = [(1, 100, 40), (3, 36, 224), (1, 67, 50), (2, 97, 161)]


@pytest.mark.parametrize('to_rgb, pooled', [(True, False), (False, True)])
@pytest.mark.parametrize('name', NAMES)
def test_equals_a_plain_computation(exported, name, to_rgb, pooled):
    folder = exported(name, to_rgb, pooled)
    content = torch.load(folder / 'backbone.pth', weights_only=True)
    meta = content['meta']
    assert (meta['formats'], meta['pooled']) == ([name], pooled)
    net = SubnetResNet(meta['arch'], **meta['family'], out_indices=(0, 1, 2, 3)).eval()
    net.load_state_dict(content['state_dict'])
    exported_net, about = READERS[name](str(folder / FORMATS[name].file))
    assert about.startswith('images: 8-bit RGB, uint8 (N, 3, H, W), normalised inside; ')
    for batch, height, width in SIZES[: 2 if name == 'torch_export' else 4]:
        rgb = np.random.default_rng(height).integers(0, 256, (batch, height, width, 3), np.uint8)
        pixels = rgb if to_rgb else rgb[..., ::-1]
        pixels = (pixels - np.array(MEAN)) / np.array(STD)
        with torch.no_grad():
            wanted = net(torch.from_numpy(pixels).float().permute(0, 3, 1, 2))
        found = exported_net(torch.from_numpy(rgb).permute(0, 3, 1, 2).contiguous())
        if pooled:
            number = wanted[-1].shape[2] * wanted[-1].shape[3]
            wanted, found = [wanted[-1].flatten(2).sum(2) / number], [found]
        for ours, theirs in zip(wanted, found, strict=True):
            torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', NAMES)
def test_holds_the_weights_of_the_subnet_alone(exported, name):
    folder = exported(name)
    size, subnet = ((folder / file).stat().st_size for file in (FORMATS[name].file, 'backbone.pth'))
    supernet = 4 * sum(value.numel() for value in DynamicResNet('tiny10to22').state_dict().values())
    graph = 500_000  # bytes, at most
    assert size < subnet + graph < 0.6 * supernet


@pytest.mark.slow
def test_onnx_has_the_nodes_of_the_subnet_alone(exported):
    import onnx

    folder = exported('onnx')
    arch = torch.load(folder / 'backbone.pth', weights_only=True)['meta']['arch']
    kinds = [node.op_type for node in onnx.load(folder / 'backbone.onnx').graph.node]
    convolutions, of_max = (
        1 + sum(2 + step.projection for steps in TINY.path(a).stages for step in steps)
        for a in (arch, TINY.max)
    )
    assert kinds.count('Conv') == convolutions < of_max
    # with its norm, its activation and a sum; three normalise the images
    assert len(kinds) < 4 * convolutions + 3


def test_what_cannot_be_written_is_said_before_anything_is(tmp_path, source, monkeypatch):
    with pytest.raises(UserError, match='formats: .tflite. is unknown; choose from onnx'):
        extract(*source, Choice('MIN'), str(tmp_path / 'out'), formats=['tflite'])
    monkeypatch.setattr(
        'importlib.util.find_spec', lambda name: None if name == 'onnxscript' else object()
    )
    check_formats(['torchscript', 'torch_export'])
    with pytest.raises(UserError, match='formats: onnx needs onnxscript; pip install onnxscript'):
        extract(*source, Choice('MIN'), str(tmp_path / 'out'), formats=['onnx'])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_pooled(tmp_path, source):
    with pytest.raises(UserError, match='pooled: it is a setting of other formats; give formats'):
        extract(*source, Choice('MIN'), str(tmp_path / 'out'), pooled=True)
    assert not list(tmp_path.iterdir())


def test_grayscale_subnets(tmp_path, pretraining):
    path, checkpoint = pretraining('in_channels=1')
    config = Config.fromfile(path)
    config.model.data_preprocessor = dict(mean=[120.0], std=[60.0])
    extract(config, str(checkpoint), Choice('MIN'), str(tmp_path / 'out'), formats=['torchscript'])
    net, about = read_torchscript(tmp_path / 'out' / FORMATS['torchscript'].file)
    assert about.startswith('images: 8-bit, uint8 (N, 1, H, W), normalised inside; stage1, ')
    images = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    assert net(images)[0].shape[1] == TINY.min['width'][0]
