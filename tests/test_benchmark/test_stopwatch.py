"""Times of a training."""

import json
import time
from types import SimpleNamespace

import pytest

from gaia_ssl.benchmark.stopwatch import WARM, StopwatchHook


@pytest.mark.parametrize('iterations', [2, WARM + 3])
def test_setup_and_iterations(tmp_path, iterations):
    hook = StopwatchHook(str(tmp_path / 'times.json'), extra=1000.0)
    time.sleep(0.2)
    runner = SimpleNamespace(iter=0)
    for runner.iter in range(iterations):
        hook.before_train_iter(runner, runner.iter)
        # the first are slow
        time.sleep(0.02 if runner.iter < WARM else 0.01)
    runner.iter = iterations
    hook.after_train(runner)
    times = json.loads((tmp_path / 'times.json').read_text())
    assert times['iterations'] == iterations
    assert 0.2 <= times['wall_setup'] < 5
    least = 0.02 if iterations <= WARM else 0.01
    assert least <= times['wall_iteration'] < 5
    assert times['cpu_seconds'] > 1000 and times['iteration'] < times['wall_iteration']
    assert times['peak_bytes'] > 1 << 24
