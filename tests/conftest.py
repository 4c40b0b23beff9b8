"""A pretraining, subnets extracted from it, and command lines that start at once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from gaia_ssl.export import Choice, extract
from gaia_ssl.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
PRETRAINING = """
model = dict(
    type='DynamicMoCo',
    backbone=dict({backbone}),
    data_preprocessor=dict(mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 55.0], to_rgb=True))
search = dict(input_size=64)
"""


BACKBONE = "type='DynamicResNet', space='tiny10to22'"


@pytest.fixture(scope='session')
def pretraining(tmp_path_factory):
    """Make a (config path, checkpoint path) of a supernet with telling weights."""

    def make(options: str = '', backbone: str = BACKBONE) -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp('pretraining')
        backbone = f'{backbone}, {options}'
        (folder / 'config.py').write_text(PRETRAINING.format(backbone=backbone))
        torch.manual_seed(0)
        net = MODELS.build(eval(f'dict({backbone})'))
        net.init_weights()
        for name, value in net.state_dict().items():
            if 'running' in name:
                value.uniform_(0.5, 1.5)
        weights = {f'backbone.{key}': value for key, value in net.state_dict().items()}
        # what a Runner's checkpoint holds beside them
        weights['neck.0.weight'] = torch.zeros(3)
        log = dict(log_scalars=dict(loss=HistoryBuffer([1.0], [1])))
        checkpoint = dict(state_dict=weights, meta=dict(epoch=1), message_hub=log)
        torch.save(checkpoint, folder / 'epoch_1.pth')
        return folder / 'config.py', folder / 'epoch_1.pth'

    return make


@pytest.fixture(scope='session')
def extracted(tmp_path_factory, pretraining):
    """Extract an arch of a supernet with these options; return the folder."""

    def make(arch='R18', options: str = '', backbone: str = BACKBONE) -> Path:
        config, checkpoint = pretraining(options, backbone)
        out = tmp_path_factory.mktemp('extracted') / 'subnet'
        extract(Config.fromfile(config), str(checkpoint), Choice(arch), str(out))
        return out

    return make


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen(['true'])
    process.wait()
    return process.pid


@pytest.fixture(scope='session')
def command_server():
    """A process that forks to run commands; see ``command_server.py``."""
    env = dict(
        os.environ,
        PYTHONPATH=str(ROOT),
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PYTHON=sys.executable,
    )
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name('command_server.py')],
        cwd=ROOT,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope='session')
def command(command_server, tmp_path_factory):
    """Run a Python file of the project in a process that has imported most of what it needs.

    ``command(file, *args, env=None, cwd=ROOT, kill_after=None)`` returns the completed process;
    ``kill_after`` is in seconds. A test of what a file itself imports starts its own process.
    """

    def call(file, *args, env=None, cwd=ROOT, kill_after=None):
        streams = tmp_path_factory.mktemp('streams')
        out, err = streams / 'out', streams / 'err'
        argv = [str(ROOT / file), *map(str, args)]
        line = dict(argv=argv, out=str(out), err=str(err), cwd=str(cwd))
        line.update(env=env or {}, kill_after=kill_after)
        command_server.stdin.write(json.dumps(line) + '\n')
        command_server.stdin.flush()
        code = int(command_server.stdout.readline())
        # names of files need not be UTF-8
        texts = [os.fsdecode(stream.read_bytes()) for stream in (out, err)]
        return subprocess.CompletedProcess(argv, code, *texts)

    return call


@pytest.fixture(scope='module')
def browser():
    """A headless Chromium, if the machine has one."""
    api = pytest.importorskip('playwright.sync_api')
    program = shutil.which('chromium')
    if program is None:
        pytest.skip('drives a page in Chromium')
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=['--no-sandbox'])
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser):
    """Open a page of a file, after a script of the test's; a message of its console fails it."""
    said = []

    def open_page(path, width=1200, script=''):
        page = browser.new_page(viewport=dict(width=width, height=800))
        page.on('console', lambda message: said.append(message.text))
        page.on('pageerror', lambda error: said.append(str(error)))
        page.add_init_script(script)
        page.goto(path.as_uri())
        wide = page.evaluate('document.documentElement.scrollWidth')
        assert wide <= width, f'{path.name} is {wide} px wide in a window of {width}'
        return page

    yield open_page
    for context in browser.contexts:
        context.close()
    assert said == []
