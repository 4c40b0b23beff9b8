"""tools/fit.py, as it is called."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'fit.py'
STAGES = ('timing', 'pretrain', 'search')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """64 images without labels and 16 of two classes, which differ in brightness."""
    folder = tmp_path_factory.mktemp('data')
    for index in range(80):
        noise = np.random.default_rng(index).integers(0, 128, (32, 32, 3), dtype=np.uint8)
        name = ('dark', 'light')[index % 2]
        place = folder / 'images' if index < 64 else folder / 'labels' / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise + np.uint8(100 * (index % 2))).save(place / f'{index}.png')
    return folder


def arguments(data, work_dir):
    return ['--images', data / 'images', '--labels', data / 'labels', '--work-dir', work_dir] + [
        '--minutes', '0.1', '--flops', '3M', '9M',
    ]  # fmt: skip


def start(data, work_dir):
    """The command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, TOOL, *map(str, arguments(data, work_dir))],
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)  # three starts, and two whole fits
def test_killed_again_and_again(data, tmp_path, command):
    moments = random.Random(0)
    for name in STAGES:
        process = start(data, tmp_path / 'killed')
        record = tmp_path / 'killed' / 'stages' / f'{name}.json'
        while process.poll() is None and not record.exists():
            time.sleep(0.1)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0, 8))
        with suppress(ProcessLookupError):  # it may have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    process = start(data, tmp_path / 'killed')
    out, _ = process.communicate()
    assert process.returncode == 0, out
    assert 'done before' in out
    found = json.loads((tmp_path / 'killed/report.json').read_text())
    # the same plan, which depends on the load of the machine, but nothing else
    done = shutil.ignore_patterns('pretrain*', 'search*', 'extract*', 'subnet', 'report*')
    shutil.copytree(tmp_path / 'killed', tmp_path / 'alone', ignore=done)
    for name in ('settings.json', 'plan.json', 'config.py'):
        text = (tmp_path / 'alone' / name).read_text()
        text = text.replace(str(tmp_path / 'killed'), str(tmp_path / 'alone'))
        (tmp_path / 'alone' / name).write_text(text)
    process = start(data, tmp_path / 'alone')
    out, _ = process.communicate()
    assert process.returncode == 0, out
    alone = json.loads((tmp_path / 'alone/report.json').read_text())
    for key in ('plan', 'pick', 'standings', 'subnets'):
        assert found[key] == alone[key]
    assert 'linear probe top-1: the pick is' in out
    # the subnet is an ordinary one, and the page's commands run
    arch = json.loads((tmp_path / 'alone/subnet/arch.json').read_text())
    assert arch == alone['pick']['arch']
    finetune, extract = map(shlex.split, alone['commands'])
    assert extract[0] == finetune[1] == 'python'
    done = command(*extract[1:])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'alone/second/backbone.pth').is_file()
    short = ['--work-dir', tmp_path / 'linear', '--cfg-options', 'train_cfg.max_epochs=1']
    done = command(*finetune[2:], *short, env=dict([finetune[0].split('=', 1)]))
    assert done.returncode == 0, done.stderr
    assert 'accuracy/top1' in done.stdout + done.stderr


@pytest.mark.slow
def test_a_dry_run_plans_and_stops(data, tmp_path):
    process = subprocess.run(
        [sys.executable, TOOL, *map(str, arguments(data, tmp_path / 'fit')), '--dry-run'],
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert re.search(r'images +64 of 32 px', process.stdout)
    assert re.search(r'search +[\d,]+ of the [\d,]+ subnets of flops 3M to 9M', process.stdout)
    assert not (tmp_path / 'fit' / 'pretrain').exists()


def test_mistakes(data, tmp_path, command):
    begin = time.monotonic()
    for change, message in (
        (['--images', tmp_path / 'none'], f'error: --images: {tmp_path}/none does not exist'),
        (['--minutes', '0'], 'error: --minutes: 0 is no time; give more'),
        (['--task', 'detection'], 'error: --labels: .* does not suit detection; give '),
        (['--teacher', tmp_path / 'a.pth'], 'error: --teacher: .*a.pth does not exist'),
    ):
        done = command(TOOL, *arguments(data, tmp_path / 'fit'), *change)
        assert done.returncode == 2 and re.search(message, done.stderr), done.stderr
    assert not (tmp_path / 'fit').exists()
    assert time.monotonic() - begin < 60
