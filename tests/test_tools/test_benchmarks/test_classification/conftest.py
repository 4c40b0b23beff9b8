"""A folder as ``tools/extract.py`` writes it, and the tools that judge it."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from gaia_ssl.export import Choice, extract
from gaia_ssl.models.backbones import DynamicResNet

TOOLS = Path(__file__).resolve().parents[4] / 'tools' / 'benchmarks' / 'classification'
CONFIG = dict(
    model=dict(
        backbone=dict(type='DynamicResNet', space='tiny10to22'),
        data_preprocessor=dict(
            mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
        ),
    ),
    search=dict(input_size=32),
)


@pytest.fixture(scope='session')
def subnet(tmp_path_factory):
    """An extracted R18 of random weights."""
    root = tmp_path_factory.mktemp('subnet')
    torch.manual_seed(0)
    net = DynamicResNet('tiny10to22')
    net.init_weights()
    weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
    torch.save(dict(state_dict=weights), root / 'epoch_1.pth')
    extract(Config(CONFIG), str(root / 'epoch_1.pth'), Choice('R18'), str(root / 'r18'))
    return str(root / 'r18')


@pytest.fixture
def run_tool(monkeypatch):
    """Run a tool with some arguments; return its ``main``'s mistakes as they are raised."""

    def run(name, *arguments):
        spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        tool.main()

    return run
