import importlib.util
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).parent / 'ddp_worker.py'
spec = importlib.util.spec_from_file_location('ddp_worker', WORKER)
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)


@pytest.fixture(scope='module')
def ranks(command, tmp_path_factory):
    """The weights that each of two gloo processes ends with: ``[rank][case]``."""
    out = tmp_path_factory.mktemp('ddp')
    done = command(WORKER, out)
    assert done.returncode == 0, done.stderr
    return [torch.load(out / f'rank{rank}.pth') for rank in range(2)]


# a name holds no option: one names a temporary file, and pytest-xdist compares names
NAMES = [f'{index}-{method}' for index, (method, *_) in enumerate(worker.CASES)]


@pytest.mark.slow
@pytest.mark.parametrize('case', range(len(worker.CASES)), ids=NAMES)
def test_two_processes_train_as_one_on_the_joined_batch(ranks, case):
    method, options, _ = worker.CASES[case]
    expected = worker.train(*worker.CASES[case])
    first, second = ranks[0][case], ranks[1][case]
    # the processes' shares are enqueued one after the other
    order = [*range(0, 8, 2), *range(1, 8, 2)]
    for name in ('queue', 'queue2'):
        if name in expected and method != 'SwAV':
            expected[name] = expected[name].view(-1, 4, 8)[..., order].flatten(1)
    if options.get('queue_len'):
        expected['queue'] = expected['queue'][:, order]
    for key, value in expected.items():
        torch.testing.assert_close(first[key], second[key], rtol=1e-8, atol=1e-10, msg=key)
        torch.testing.assert_close(first[key], value, rtol=1e-6, atol=1e-8, msg=key)
