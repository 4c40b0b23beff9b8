"""What the benchmark of a training iteration compares, and how it measures."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import procedures
import pytest
import torch
import train_step as benchmark

from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

ROOT = Path(benchmark.__file__).parents[2]
ENV = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
SPACE = get_space('tiny10to22')
BATCH = 4


@pytest.fixture
def supernet():
    torch.manual_seed(0)
    return procedures.build_supernet(SPACE, BATCH)


@pytest.fixture
def data():
    return procedures.make_batch(BATCH, 32, 'cpu')


@pytest.fixture
def run_here(monkeypatch):
    """Runs the command in this process, without what a start costs."""

    def run(*args):
        command = [benchmark.__file__, '--space', 'tiny10to22', *map(str, args)]
        monkeypatch.setattr(sys, 'argv', command)
        benchmark.main()

    return run


def test_it_runs_and_writes_what_it_prints(tmp_path):
    path = tmp_path / 'step.json'
    options = '--batch-size 2 --size 32 --iters 1 --draws 2 --threads 1 --device cpu --json'
    command = [sys.executable, benchmark.__file__, '--space', 'tiny10to22', *options.split(), path]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    assert list(result)[:5] == list(benchmark.BARS)
    for name in benchmark.BARS:
        assert result[name] > 0 and f'{result[name]:.4f}' in done.stdout
    names = {'sandwich', 'ideal', 'reference', 'max', 'static_max'}
    assert set(result['median_seconds']) == set(result['rounds']) == names
    assert all(len(rounds) == 1 for rounds in result['rounds'].values())
    assert result['settings']['size'] == 32 and result['threads'] == 1
    assert [draw[-1] for draw in result['archs']] == 2 * [SPACE.max]
    assert result['machine']['cores'] and result['versions']['torch'] and result['load_average']


def test_parts_that_were_not_asked_for_are_left_open(tmp_path, run_here):
    path = tmp_path / 'step.json'
    run_here(
        '--parts', 'memory', '--batch-size', 2, '--size', 32, '--device', 'cpu', '--json', path
    )
    result = json.loads(path.read_text())
    assert [name for name in benchmark.BARS if result[name] is not None] == ['peak_memory_ratio']


@pytest.mark.parametrize(
    'args, message',
    [
        (['--device', 'cpu', '--amp', 'fp16'], '--amp: fp16 needs a GPU; use bf16 on a CPU'),
        (['--space', 'nowhere'], "space: 'nowhere' is unknown"),
    ],
)
def test_mistakes(run_here, args, message):
    with pytest.raises(UserError, match=f'^{message}'):
        run_here(*args)


def test_no_images(run_here, capsys):
    with pytest.raises(SystemExit):
        run_here('--batch-size', 0)
    assert 'argument --batch-size: 0 is not at least 1' in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu(run_here):
    with pytest.raises(UserError, match='^--device: cuda is not here; use cpu$'):
        run_here('--device', 'cuda')


def test_reference_moves_the_key_encoder_and_the_queue_with_every_subnet(supernet, data):
    archs = procedures.sandwich_draws(supernet, 1)[0]
    wrapper = procedures.build_optim_wrapper(supernet)
    procedures.train_supernet(supernet, archs, data, wrapper)
    assert int(supernet.queue_ptr) == BATCH and int(supernet.encoder_k.steps) == 1
    procedures.train_by_reference(supernet, archs, data, wrapper)
    assert int(supernet.queue_ptr) == 4 * BATCH and int(supernet.encoder_k.steps) == 4


def test_gradient_of_the_reference_is_a_sum(supernet, data):
    """MAX drawn twice moves plain weights twice as far as this project's mean does."""
    plain = copy.deepcopy(supernet)
    before = supernet.neck.mlp[2].bias.detach().clone()
    # nothing enqueued: both passes meet the same negatives
    reference = copy.deepcopy(supernet)
    reference.after_iteration = lambda keys: None
    steps = []
    runs = ((plain, procedures.train_supernet), (reference, procedures.train_by_reference))
    for model, train in runs:
        torch.manual_seed(0)
        train(model, 2 * [SPACE.max], data, procedures.build_optim_wrapper(model))
        steps.append(model.neck.mlp[2].bias.detach() - before)
    mean, total = steps
    assert mean.abs().max() > 0
    torch.testing.assert_close(total / mean.norm(), 2 * mean / mean.norm(), rtol=0.02, atol=0.02)


def test_static_networks_compute_what_the_supernet_computes(supernet, data):
    archs = procedures.sandwich_draws(supernet, 1)[0]
    assert len(archs) == 3
    static = procedures.StaticSandwich(supernet, archs)
    torch.manual_seed(1)  # the order in which keys are shuffled
    ours = procedures.train_supernet(
        supernet, archs, data, procedures.build_optim_wrapper(supernet)
    )
    torch.manual_seed(1)
    ideal = static.train_step(archs, data, procedures.build_optim_wrapper(static.moco))
    found = torch.stack([loss for name, loss in ours.items() if name != 'loss'])
    torch.testing.assert_close(torch.stack(list(ideal.values())), found, rtol=1e-5, atol=1e-6)
    assert static.moco.queue_ptr == supernet.queue_ptr == BATCH
    torch.testing.assert_close(static.moco.queue, supernet.queue)
    assert all(p.grad is None for p in static.parameters())


def test_static_max_is_the_supernet_at_max(supernet, data):
    static = procedures.StaticSandwich(supernet, [SPACE.min, SPACE.max])
    ours = procedures.build_optim_wrapper(supernet, lr=0.03)
    theirs = procedures.build_optim_wrapper(static.moco, lr=0.03)
    for iteration in range(3):
        torch.manual_seed(iteration)
        loss = procedures.train_supernet(supernet, [SPACE.max], data, ours)['loss']
        torch.manual_seed(iteration)
        expected = torch.as_tensor(static.train_max(data, theirs)['loss'])
        torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert sum(p.numel() for p in static.moco.parameters()) == sum(
        p.numel() for p in supernet.parameters()
    )


def test_host_work_runs_no_network_and_changes_nothing(supernet, monkeypatch):
    for net in (supernet.backbone, supernet.encoder_k, supernet.neck):
        monkeypatch.setattr(net, 'forward', lambda *_: pytest.fail('a network ran'))
    before = copy.deepcopy(supernet.state_dict())
    hollow = procedures.Hollow.of(supernet)
    wrapper = procedures.build_optim_wrapper(hollow.neck.mlp[-1], lr=0.0)
    log = hollow.train_step(procedures.make_batch(BATCH, 1, 'cpu'), wrapper)
    assert set(log) == {'loss', 'loss_min', 'loss_subnet1', 'loss_max'}
    for key, value in supernet.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert type(supernet) is procedures.DynamicMoCo


def test_peak_is_the_highest_total_of_live_bytes():
    def allocate():
        first = torch.empty(1 << 20, dtype=torch.uint8)
        second = torch.empty(2 << 20, dtype=torch.uint8)
        del first
        third = torch.empty(1 << 19, dtype=torch.uint8)
        return second, third

    assert benchmark.peak_rise(allocate, torch.device('cpu')) == 3 << 20


def test_peak_of_a_backward_pass_holds_the_gradients(supernet, data):
    wrapper = procedures.build_optim_wrapper(supernet)
    device = torch.device('cpu')

    def iterate(archs):
        return lambda: procedures.train_supernet(supernet, archs, data, wrapper)

    trained = sum(4 * p.numel() for p in supernet.parameters() if p.requires_grad)
    peaks = {}
    for name, archs in dict(max=[SPACE.max], both=[SPACE.min, SPACE.max]).items():
        iterate(archs)()
        peaks[name] = benchmark.peak_rise(iterate(archs), device)
    assert trained < peaks['max'] <= peaks['both'] < 2 * peaks['max']


def test_ratios_are_medians_of_rounds():
    seconds = dict(
        sandwich=[1.0, 2.0, 10.0],
        ideal=[1.0, 1.0, 40.0],
        reference=[3.0, 4.0, 10.0],
        max=[2.0, 2.0, 2.0],
        static_max=[1.0, 2.0, 4.0],
    )
    times = {k: [dict(wall=v, cpu=1.0) for v in values] for k, values in seconds.items()}
    assert benchmark.ratios(times, 'wall') == dict(
        speedup_vs_reference=2.0, ratio_to_ideal=1.0, max_ratio_to_static=1.0
    )
    assert set(benchmark.ratios(times, 'cpu').values()) == {1.0}
    assert benchmark.medians(times)['reference'] == dict(wall=4.0, cpu=1.0)


def test_rounds_take_turns():
    calls = []
    runs = {name: lambda draw, name=name: calls.append((name, draw)) for name in 'abc'}
    times = benchmark.measure_rounds(runs, 2, 1, 3, torch.device('cpu'))
    order = [name for name, _ in calls]
    assert order == list('abcabc' + 'abc' + 'bca' + 'cab')
    assert [draw for _, draw in calls] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert {name: len(rounds) for name, rounds in times.items()} == dict(a=3, b=3, c=3)


def test_table_says_which_bars_are_missed():
    result = dict.fromkeys(benchmark.BARS)
    result.update(speedup_vs_reference=1.29, ratio_to_ideal=1.0, clock='cpu')
    result.update(device_name='cpu', threads=1, load_average=dict(before=0.5, after=1.5))
    result.update(machine=dict(cores=2, cpu='a processor'), versions=dict(python='3.11.7'))
    lines = benchmark.as_table(result).splitlines()
    assert 'missed' in lines[0] and 'met' in lines[1] and len(lines) == 3
    assert lines[-1].endswith('load 0.5 to 1.5; 2 cores of a processor; python 3.11.7.')
