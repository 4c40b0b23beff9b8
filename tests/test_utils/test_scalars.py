"""The log of a training's scalars."""

import json

import pytest

from gaia_ssl.utils.scalars import read_runs, read_series


@pytest.fixture
def log(tmp_path):
    """Writes the log of one run of a training."""

    def log(run, *lines, end='\n'):
        path = tmp_path / run / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(map(json.dumps, lines)) + end)

    return log


def test_runs_in_order_without_a_line_that_was_cut_off(log, tmp_path):
    first, second = dict(loss=1.0, step=1), dict(loss=0.5, step=2)
    log('20250102_000000', second)
    log('20250101_000000', first, end='\n{"loss": 0.')
    assert read_runs(tmp_path) == [[first], [second]]
    assert read_runs(str(tmp_path / 'none')) == []


def test_a_resumed_run_replaces_what_came_after_its_checkpoint(log, tmp_path):
    lines = [dict(loss=10.0 - step, step=step) for step in (10, 20, 30, 40)]
    log('20250101_000000', *lines, {'val/knn': 50.0, 'step': 35})
    resumed = [dict(loss=float(step), lr=0.1, step=step) for step in (25, 45)]
    log('20250102_000000', {'val/knn': 60.0, 'step': 44}, *resumed)
    assert read_series(tmp_path) == {
        'loss': [(10, 0.0), (20, -10.0), (25, 25.0), (45, 45.0)],
        'lr': [(25, 0.1), (45, 0.1)],
        'val/knn': [(44, 60.0)],
    }


def test_a_run_that_logged_nothing_changes_nothing(log, tmp_path):
    log('20250101_000000', dict(loss=1.0, step=1))
    log('20250102_000000', end='')
    assert read_series(tmp_path) == dict(loss=[(1, 1.0)])
