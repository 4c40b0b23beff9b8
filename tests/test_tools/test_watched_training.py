"""tools/dist_train.sh with the hooks that watch a training, run as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/mocov2/mocov2_tiny10to22_bs128-coslr_scenes.py'
OPTIONS = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'train_dataloader.batch_size=4',
    'model.queue_len=16',
    'default_hooks.logger.interval=1',
    'default_hooks.health.type=SubnetHealthHook',
    'default_hooks.health.interval=1',
    'default_hooks.collapse.type=CollapseHook',
    'default_hooks.collapse.interval=3',
]


@pytest.mark.slow
def test_lost_training_ends_all_processes_with_one_line(tmp_path):
    rng = np.random.default_rng(0)
    for folder, number in {'sprites/train/bag': 16, 'coco/train2017': 4}.items():
        (tmp_path / folder).mkdir(parents=True)
        for i in range(number):
            image = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / folder / f'{i}.jpg'), image)
    work_dir = tmp_path / 'work_dir'
    env = dict(os.environ, GAIA_SSL_DATA=str(tmp_path), PYTHON=sys.executable, PORT='29617')
    done = subprocess.run(
        [
            *('bash', 'tools/dist_train.sh', CONFIG, '2', '--work-dir', str(work_dir)),
            *('--cfg-options', *OPTIONS, 'optim_wrapper.optimizer.lr=1e30'),
        ],
        cwd=ROOT,
        env=dict(env, OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    # the launcher may end the second process before it has said so, too
    assert len(errors) in (1, 2) and len(set(errors)) == 1
    assert 'loss of min {' in errors[0] and 'is not finite at iteration 2;' in errors[0]
    state = torch.load(work_dir / 'stopped-iter3.pth', weights_only=False)
    assert state['meta']['iter'] == 3
    assert [path.name for path in work_dir.glob('*.pth')] == ['stopped-iter3.pth']
    assert not (work_dir / 'last_checkpoint').exists()
    assert 'embed_std_max: ' in done.stdout
