"""Random networks in program files."""

import pytest
import torch
import torch.nn as nn

from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import TRUST

IMAGES = dict(
    input_size=16,
    data_preprocessor=dict(mean=[10.0, 20.0, 30.0], std=[2.0, 3.0, 4.0], to_rgb=True),
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, 4)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x):
        grid = self.norm(self.conv(x))
        return grid.mean((2, 3)), grid


@pytest.fixture(params=['torchscript', 'export'])
def program(request, tmp_path, monkeypatch):
    """Write a network as a program; return its file."""
    monkeypatch.setenv(TRUST, '1')

    def write(training=False, dynamic=True):
        torch.manual_seed(0)
        net = Net().train(training)
        with torch.no_grad():
            net.norm.running_mean.uniform_()
        example = torch.randn(4, 3, 16, 16)
        if request.param == 'torchscript':
            path = tmp_path / 'net.pt'
            torch.jit.trace(net, example, check_trace=False).save(path)
        else:
            path = tmp_path / 'net.pt2'
            batch = {0: torch.export.Dim('batch')} if dynamic else None
            exported = torch.export.export(net, (example,), dynamic_shapes=(batch,))
            torch.export.save(exported, path)
        return net, dict(type='ProgramTeacher', file=str(path), **IMAGES)

    write.format = request.param
    return write


def test_features_of_a_program(program, teach):
    net, config = program()
    teacher = teach(**config, map=1)
    images = torch.randn(3, 3, 16, 16)
    raw = images * torch.tensor([58.395, 57.12, 57.375]).view(-1, 1, 1)
    raw = raw + torch.tensor([123.675, 116.28, 103.53]).view(-1, 1, 1)
    own = (raw - torch.tensor([10.0, 20.0, 30.0]).view(-1, 1, 1)) / torch.tensor(
        [2.0, 3.0, 4.0]
    ).view(-1, 1, 1)
    embedding, [grid] = teacher(images)
    with torch.no_grad():
        expected = net(own)
    torch.testing.assert_close(embedding, expected[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(grid, expected[1], rtol=1e-4, atol=1e-4)
    assert teach(**config).num_maps == 0
    # images of another size are resized
    assert teacher(torch.randn(1, 3, 40, 40)).maps[0].shape == grid[:1].shape
    assert not any(p.requires_grad for p in teacher.network.parameters())


def test_the_code_is_part_of_the_digest(program, teach, tmp_path):
    _, config = program()
    digest = teach(**config).digest
    assert digest == teach(**config).digest
    assert teach(**config, map=1).digest != digest


def test_consent_is_needed(program, teach, monkeypatch):
    _, config = program()
    monkeypatch.delenv(TRUST)
    with pytest.raises(UserError, match='is a program, which could do anything; set GAIA_SSL_TRU'):
        teach(**config)


def test_a_program_in_training_mode_is_refused(program, teach):
    _, config = program(training=True)
    with pytest.raises(UserError, match='depend on the other images; export it in evaluation'):
        teach(**config)


def test_a_program_of_one_batch_size_is_refused(program, teach):
    if program.format == 'torchscript':
        pytest.skip('a trace has no batch size')
    _, config = program(dynamic=False)
    with pytest.raises(UserError, match='it cannot read 3 channels of 16 px'):
        teach(**config)


def test_settings_are_checked(program, teach, tmp_path):
    _, config = program()
    for name in IMAGES:
        lacking = {k: v for k, v in config.items() if k != name}
        with pytest.raises(
            UserError, match='does not know its images; give input_size, and data_p'
        ):
            teach(**lacking)
    with pytest.raises(UserError, match="format: 'onnx' is not one of torchscript, export"):
        teach(**config, format='onnx')
    with pytest.raises(UserError, match='nowhere.pt does not exist'):
        teach(**dict(config, file=str(tmp_path / 'nowhere.pt')))
    (tmp_path / 'damaged.pt').write_bytes(b'damaged')
    with pytest.raises(UserError, match='damaged.pt cannot be read as torchscript'):
        teach(**dict(config, file=str(tmp_path / 'damaged.pt')))
    for wrong in (7, 'map'):
        with pytest.raises(UserError, match=rf'its program has no outputs \[0, {wrong!r}\]'):
            teach(**config, map=wrong)
