"""tools/benchmarks/run.py for real, on 20 photographs of COCO: killed, and gone on with."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DETECT = """
_base_ = 'gaia_ssl::benchmarks/detection/mask-rcnn_fpn_1x_coco.py'

root = '{root}/coco/'
load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=(160, 128)),
]
keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    dataset=dict(data_root=root, indices=2, pipeline=[*load, dict(type='PackDetInputs')]), **loader
)
val_dataloader = dict(
    dataset=dict(
        data_root=root, indices=2, pipeline=[*load, dict(type='PackDetInputs', meta_keys=keys)]
    ),
    **loader
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=root + 'annotations/instances_val2017.json')
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=2, val_interval=2)
"""
SEGMENT = """
_base_ = 'gaia_ssl::benchmarks/segmentation/upernet_4xb4-80k_ade20k-512x512.py'

model = dict(data_preprocessor=dict(size=(64, 64)))
image, labels, pack = (
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
)
resize = dict(type='Resize', scale=(64, 64), keep_ratio=False)
dataset = dict(data_root='{root}/ade', indices=2)
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=2, dataset=dict(pipeline=[image, labels, resize, pack], **dataset), **loader
)
# predictions are judged at the labels' own size
val_dataloader = dict(
    batch_size=1, dataset=dict(pipeline=[image, resize, labels, pack], **dataset), **loader
)
test_dataloader = val_dataloader
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
"""


@pytest.fixture
def command(tmp_path, extracted):
    """The command line for a subnet and its random twin on two tasks."""
    converter = ROOT / 'tools/dataset_converters/coco20.py'
    done = subprocess.run(
        [sys.executable, converter, '--out', tmp_path / 'coco20'], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f'the photographs cannot be fetched: {done.stderr.strip()[-200:]}')
    configs = {tmp_path / 'detect.py': DETECT, tmp_path / 'segment.py': SEGMENT}
    for path, text in configs.items():
        path.write_text(text.replace('{root}', str(tmp_path / 'coco20')))
    script = [sys.executable, ROOT / 'tools/benchmarks/run.py', '--work-dir', tmp_path / 'work']
    subnet = extracted('MIN').rename(tmp_path / 'small')
    return [*script, '--subnets', subnet, '--tasks', *configs, '--baselines', 'random']


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_and_gone_on_with(tmp_path, command):
    work = tmp_path / 'work'
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        first = work / 'runs/detect/small/last_checkpoint'
        limit = time.monotonic() + 600
        while not first.exists():
            assert time.monotonic() < limit and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    done = subprocess.run([*command, '--resume'], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'resumed epoch: 1' in (work / 'logs/detect/small/train.log').read_text()
    result = json.loads((work / 'table.json').read_text())
    assert [*result['tasks']] == ['detect', 'segment']
    assert [*result['arms']] == ['small', 'small_random']
    for row in result['runs']:
        assert row['status'] == 'done'
        assert list(row['figures']) == result['tasks'][row['task']]['figures']
        # no precision is defined where nothing was found
        assert all(value is None or -1 <= value <= 1 for value in row['figures'].values())
        log = (work / f'logs/{row["task"]}/{row["arm"]}/train.log').read_text()
        loaded = f'load model from: {tmp_path}/small/backbone.pth' in log
        assert loaded == (row['arm'] == 'small')
    assert re.search(r'\d runs to do, \d done before', done.stdout)
    assert (work / 'table.md').read_text() in done.stdout
