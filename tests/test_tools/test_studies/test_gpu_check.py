"""The check of GPUs: what of it runs without one."""

import json
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import cv2
import pytest
import torch

from gaia_ssl.utils import UserError

ROOT = Path(__file__).resolve().parents[3]
gpu_parts = SourceFileLoader('gpu_parts', str(ROOT / 'tools/studies/gpu_parts.py')).load_module()
pytestmark = pytest.mark.slow
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
CHECK = ROOT / 'tools/studies/gpu_check.sh'


def check(*args, python=sys.executable):
    env = dict(ENV, GAIA_SSL_PYTHON=str(python))
    return subprocess.run(['bash', CHECK, *args], env=env, capture_output=True, text=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_it_ends_at_once(tmp_path):
    done = check(tmp_path / 'out')
    assert done.returncode == 1 and done.stdout == ''
    assert done.stderr.splitlines()[-1].startswith(f'gpu_check: {sys.executable} sees no GPU')
    assert not (tmp_path / 'out').exists()


def test_an_interpreter_without_torch_is_named(tmp_path):
    done = check(python=tmp_path / 'python')
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith('cannot import torch; set GAIA_SSL_PYTHON')


def test_usage():
    done = check('--help')
    assert done.returncode == 2 and done.stderr.startswith('What only a GPU can show')
    assert 'BATCH' in done.stderr.splitlines()[-1]


def test_images(tmp_path):
    gpu_parts.write_images(tmp_path / 'noise/train', 3, size=32)
    images = [cv2.imread(str(path)) for path in sorted((tmp_path / 'noise/train').iterdir())]
    assert [image.shape for image in images] == 3 * [(32, 32, 3)]
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize('processes', [1, 2])
def test_norms_agree(processes):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    done = subprocess.run(
        [*launch, f'--nproc_per_node={processes}', gpu_parts.__file__, 'norms'],
        env=dict(ENV, CUDA_VISIBLE_DEVICES=''),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f'gloo, processes: {processes}: equal to a plain norm on the joined batch\n'
    )


def log(work_dir, *losses):
    folder = work_dir / '20260101_000000/vis_data'
    folder.mkdir(parents=True)
    lines = [json.dumps(dict(loss=loss, iter=i)) for i, loss in enumerate(losses)]
    (folder / 'scalars.json').write_text('\n'.join(lines) + '\n')
    return work_dir


def test_losses(tmp_path):
    assert (
        gpu_parts.read_losses(log(tmp_path, 9.0, 8.5, 8.25)) == '3 iterations, loss 9.000 to 8.250'
    )


@pytest.mark.parametrize(
    'losses, message', [([9.0], '1 losses were logged'), ([9.0, float('nan')], 'is not finite')]
)
def test_a_training_that_went_wrong(tmp_path, losses, message):
    with pytest.raises(UserError, match=message):
        gpu_parts.read_losses(log(tmp_path, *losses))
