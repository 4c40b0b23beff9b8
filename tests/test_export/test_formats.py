"""Subnets in the formats of other runtimes."""

import functools

import numpy as np
import pytest
import torch
from mmengine.config import Config

from gaia_ssl.export import FORMATS, Choice, extract
from gaia_ssl.export.formats import check_formats
from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


def load_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].shape == ['batch', 3, 'height', 'width']
    assert [out.name for out in session.get_outputs()] == [f'stage{i}' for i in (1, 2, 3, 4)]
    return lambda images: map(torch.from_numpy, session.run(None, {'images': images.numpy()}))


READERS = dict(
    onnx=load_onnx,
    torchscript=torch.jit.load,
    torch_export=lambda path: torch.export.load(path).module(),
)


# its exporter alone takes ten seconds
SLOW = [pytest.param('onnx', marks=pytest.mark.slow)]
NAMES = SLOW + [name for name in FORMATS if name != 'onnx']


@pytest.fixture(scope='module')
def exported(tmp_path_factory, source):
    """Extract a random subnet in one format; return the folder."""

    @functools.cache
    def make(name):
        out = tmp_path_factory.mktemp('exported') / 'subnet'
        extract(*source, Choice(TINY.sample(np.random.default_rng(3))), str(out), formats=[name])
        return out

    return make


@pytest.mark.parametrize('name', NAMES)
def test_puts_out_what_the_subnet_does(exported, name):
    folder = exported(name)
    content = torch.load(folder / 'backbone.pth', weights_only=True)
    meta = content['meta']
    assert meta['formats'] == [name]
    net = SubnetResNet(meta['arch'], **meta['family'], out_indices=(0, 1, 2, 3)).eval()
    net.load_state_dict(content['state_dict'])
    exported_net = READERS[name](str(folder / FORMATS[name].file))
    sizes = [(1, 100, 40), (3, 36, 224)]
    if name != 'torch_export':  # which takes multiples of 4 pixels
        sizes += [(1, 67, 50), (2, 97, 161)]
    for batch, *size in sizes:
        images = torch.randn(batch, 3, *size)
        with torch.no_grad():
            wanted = net(images)
        for ours, theirs in zip(wanted, exported_net(images), strict=True):
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
    # with its norm, its activation and a sum
    assert len(kinds) < 4 * convolutions


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


def test_grayscale_subnets(tmp_path, pretraining):
    config, checkpoint = pretraining('in_channels=1')
    extract(
        Config.fromfile(config),
        str(checkpoint),
        Choice('MIN'),
        str(tmp_path / 'out'),
        formats=['torchscript'],
    )
    net = torch.jit.load(tmp_path / 'out' / FORMATS['torchscript'].file)
    assert net(torch.zeros(1, 1, 32, 32))[0].shape[1] == TINY.min['width'][0]
