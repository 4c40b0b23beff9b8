"""The whole quickstart, a few iterations of everything."""

import json
import math
import os
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
run = SourceFileLoader('run', str(ROOT / 'tools/quickstart/run.py')).load_module()
ENV = dict(os.environ, PYTHONPATH=str(ROOT), CUDA_VISIBLE_DEVICES='')
FIGURES = dict(
    classification=['top1'],
    detection=['bbox_mAP', 'bbox_mAP_50', 'segm_mAP'],
    segmentation=['mIoU'],
)
PICTURES = ['detection', 'segmentation', 'search_dense/distance', 'search_global/distance']


def call(script, *args):
    done = subprocess.run(
        [sys.executable, *map(str, (script, *args))], env=ENV, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_everything_for_real_and_only_once(tmp_path):
    quickstart = run.__file__, '--smoke', '--work-dir', tmp_path / 'work'
    out = call(*quickstart)
    assert 'done before' not in out and out.endswith(
        (tmp_path / 'work/report.md').read_text() + '\n'
    )
    report = json.loads((tmp_path / 'work' / 'report.json').read_text())
    assert min(report['seconds'].values()) > 0
    for kind in ('global', 'dense'):
        low, high = (float(text.rstrip('M')) * 1e6 for text in report['budget']['flops'])
        assert low <= report[kind]['flops'] < high
        assert report[kind]['params'] > 0 and report[kind]['distance'] > 0
        assert list(report[kind]['arch']) == ['stem_width', 'width', 'depth']
    for task, figures in FIGURES.items():
        arms = ['pretrained', 'random', *(['raw_pixels'] if task == 'classification' else [])]
        assert list(report[task]) == arms
        for arm in arms:
            assert list(report[task][arm]) == figures
            for value in report[task][arm].values():
                assert math.isfinite(value) and -1 <= value <= 1
    for picture in PICTURES:
        path = tmp_path / 'work' / f'{picture}.png'
        assert path.read_bytes().startswith(b'\x89PNG')

    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / 'work').rglob('*.pth')}
    start = time.monotonic()
    out = call(*quickstart)
    assert time.monotonic() - start < 15
    assert out.count('(done before)') == len(report['seconds']) - 1
    assert json.loads((tmp_path / 'work' / 'report.json').read_text()) == report
    assert {p: p.stat().st_mtime_ns for p in kept} == kept

    # the comparison uses what is there
    comparison = ROOT / 'tools' / 'studies' / 'pretrained_vs_random.py'
    out = call(comparison, tmp_path / 'work', '--seeds', '1')
    assert out.count('(done before)') == 6
    compared = json.loads((tmp_path / 'work' / 'pretrained_vs_random.json').read_text())
    for task, figures in FIGURES.items():
        assert list(compared['figures'][task]) == figures
        for figure, found in compared['figures'][task].items():
            for arm in ('pretrained', 'random'):
                # seed and budget are the quickstart's own here
                assert found[arm] == [report[task][arm][figure]]
                assert found['mean'][arm] == report[task][arm][figure]
    assert compared['machine'] and compared['versions']
    assert (tmp_path / 'work' / 'pretrained_vs_random.md').read_text() in out
