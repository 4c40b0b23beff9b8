"""Measure one training iteration of a supernet against its baselines, all in one run.

Usage: python tools/studies/train_step.py [--batch-size 8] [--size 96] [--json F]

A round times each procedure once on the same images and archs, in turns; a ratio is the median of
the rounds' ratios, so that the machine's drift and the archs drawn cancel. Images are noise: the
data loader is not measured.

  speedup_vs_reference  time of the reference procedure (keys, their encoder's update and the
                        queue once per subnet) over that of the sandwich iteration
  ratio_to_ideal        time of the sandwich iteration over that of static networks of its archs
                        doing the same forward and backward passes
  max_ratio_to_static   time of the supernet training MAX alone over mmpretrain's MoCo on the
                        equal static network
  peak_memory_ratio     peak memory of the sandwich iteration over that of MAX alone
  host_overhead         time of a sandwich iteration whose networks do nothing over that of
                        mmpretrain's MoCo on ResNet-50 at 224 px
  teacher_ratio         time of a sandwich iteration with a frozen ResNet-50 over that of the same
                        with the teacher's targets given, and of one pass of the ResNet-50
  cache_ratio           time of a sandwich iteration with a cache of the teacher's embeddings over
                        that of the same with the targets given

On a CPU the time is the processor time of the process, which busy neighbours disturb less than
the wall time beside it; on a GPU it is the wall time. Memory is what the allocator hands out.
"""

import argparse
import os
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.logging import MessageHub

from gaia_ssl.benchmark.iterations import (
    AMP_DTYPES,
    Hollow,
    StaticSandwich,
    build_optim_wrapper,
    build_supernet,
    make_batch,
    resnet50,
    sandwich_draws,
    train_by_reference,
    train_supernet,
)
from gaia_ssl.benchmark.measure import Procedures, measure, measure_rounds, peak_rise
from gaia_ssl.benchmark.taught import TaughtIteration, build_taught
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import write_json

PARTS = ('time', 'memory', 'host', 'teacher')
# what a figure should be: at least, or at most
BARS = dict(
    speedup_vs_reference=('>=', 1.30),
    ratio_to_ideal=('<=', 1.05),
    max_ratio_to_static=('<=', 1.03),
    peak_memory_ratio=('<=', 1.10),
    host_overhead=('<=', 0.01),
    teacher_ratio=('<=', 1.05),
    cache_ratio=('<=', 1.05),
)
# a procedure, and those whose seconds together it is compared with
RATIOS = dict(
    speedup_vs_reference=('reference', ['sandwich']),
    ratio_to_ideal=('sandwich', ['ideal']),
    max_ratio_to_static=('max', ['static_max']),
    teacher_ratio=('taught', ['students', 'teacher_pass']),
    cache_ratio=('cached', ['cached_students']),
)
HOST_ITERS = 50


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--space', default='ar50to101', help='default: %(default)s')
    parser.add_argument(
        '--batch-size', type=_positive, default=8, help='images of an iteration (%(default)s)'
    )
    parser.add_argument(
        '--size', type=_positive, default=96, help='side of an image in px (%(default)s)'
    )
    parser.add_argument('--iters', type=_positive, default=9, help='timed rounds (%(default)s)')
    parser.add_argument('--warmup', type=int, default=1, help='untimed rounds (%(default)s)')
    parser.add_argument(
        '--draws',
        type=_positive,
        default=3,
        help='how many draws of the sampler the rounds go through (%(default)s)',
    )
    parser.add_argument(
        '--device', help='cpu, cuda or cuda:N (default: a GPU where there is one, else the CPU)'
    )
    parser.add_argument('--amp', choices=AMP_DTYPES, help='mixed precision (default: none)')
    parser.add_argument(
        '--channels-last', action='store_true', help='convolutions in channels-last order'
    )
    parser.add_argument('--threads', type=_positive, help="CPU threads (default: torch's)")
    parser.add_argument(
        '--parts', nargs='+', choices=PARTS, default=PARTS, help='what to measure (default: all)'
    )
    parser.add_argument('--json', type=Path, metavar='F', help='write the figures to this file')
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is not at least 1')
    return number


class Bench:
    """Everything that is measured, built once.

    The supernet serves the sandwich, the reference and MAX alone; the static networks serve the
    ideal and mmpretrain's MoCo.

    Args:
        args: The command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.args = args
        self.device = torch.device(args.device)
        self.supernet = build_supernet(
            get_space(args.space), args.batch_size, args.channels_last
        ).to(self.device)
        self.wrapper = build_optim_wrapper(self.supernet, args.amp)
        self.data = make_batch(args.batch_size, args.size, self.device)
        self.sampler = self.supernet.arch_sampler
        self.draws = sandwich_draws(self.supernet, args.draws)
        self.max = self.supernet.backbone.space.max

    def sandwich(self, draw: int) -> None:
        """One iteration of this project."""
        train_supernet(self.supernet, self.draws[draw], self.data, self.wrapper)

    def max_alone(self, draw: int) -> None:
        """One iteration of this project with MAX alone."""
        train_supernet(self.supernet, [self.max], self.data, self.wrapper)

    def reference(self, draw: int) -> None:
        """One iteration of the reference procedure."""
        train_by_reference(self.supernet, self.draws[draw], self.data, self.wrapper)

    def procedures(self) -> Procedures:
        """The procedures to time in turns, as functions of the draw."""
        archs = {str(arch): arch for draw in self.draws for arch in draw}
        static = StaticSandwich(self.supernet, list(archs.values()))
        wrapper = build_optim_wrapper(static.moco, self.args.amp)
        return dict(
            sandwich=self.sandwich,
            ideal=lambda draw: static.train_step(self.draws[draw], self.data, wrapper),
            reference=self.reference,
            max=self.max_alone,
            static_max=lambda draw: static.train_max(self.data, wrapper),
        )

    def taught_procedures(self) -> Procedures:
        """The iteration with a teacher and its parts, as functions of the draw."""
        taught, cached = (self._taught(cached) for cached in (False, True))
        return dict(
            taught=lambda draw: taught.whole(self.draws[draw]),
            students=lambda draw: taught.students(self.draws[draw]),
            teacher_pass=lambda draw: taught.teacher_pass(self.draws[draw]),
            cached=lambda draw: cached.whole(self.draws[draw]),
            cached_students=lambda draw: cached.students(self.draws[draw]),
        )

    def _taught(self, cached: bool) -> TaughtIteration:
        args = self.args
        space = get_space(args.space)
        taught = build_taught(space, args.batch_size, args.channels_last, cached).to(self.device)
        return TaughtIteration(taught, self.data, build_optim_wrapper(taught, args.amp))


def ratios(times: dict[str, list[dict[str, float]]], clock: str) -> dict[str, float]:
    """The median over rounds of each ratio of ``RATIOS`` whose procedures were timed."""
    found = {}
    for name, (over, under) in RATIOS.items():
        if over in times:
            rounds = zip(times[over], *(times[part] for part in under), strict=True)
            found[name] = statistics.median(
                above[clock] / sum(part[clock] for part in below) for above, *below in rounds
            )
    return found


def medians(times: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The median seconds of each procedure."""
    return {
        name: {clock: statistics.median(t[clock] for t in rounds) for clock in ('wall', 'cpu')}
        for name, rounds in times.items()
    }


def state_bytes(bench: Bench) -> int:
    """Bytes that a training holds between iterations: weights, buffers, optimizer state."""
    state = bench.wrapper.optimizer.state.values()
    tensors = [*bench.supernet.parameters(), *bench.supernet.buffers()]
    tensors += [v for values in state for v in values.values() if isinstance(v, torch.Tensor)]
    return sum(t.numel() * t.element_size() for t in tensors)


def measure_memory(bench: Bench) -> dict[str, int]:
    """Bytes of the state, and peak bytes of an iteration of MAX alone and of the sandwich."""
    # the optimizer's state comes with the first step, on whatever images
    thumbnails = make_batch(bench.args.batch_size, 32, bench.device)
    train_supernet(bench.supernet, [bench.max], thumbnails, bench.wrapper)
    state = state_bytes(bench)
    peaks = {
        name: state + peak_rise(lambda: run(0), bench.device)  # noqa: B023
        for name, run in dict(max_alone=bench.max_alone, sandwich=bench.sandwich).items()
    }
    return dict(state=state, **peaks)


def measure_host(bench: Bench, iters: int) -> dict[str, float]:
    """Seconds that the host spends besides the networks, and those of a ResNet-50 iteration."""
    hollow = Hollow.of(bench.supernet)
    hollow.arch_sampler = bench.sampler
    wrapper = build_optim_wrapper(hollow.neck.mlp[-1], bench.args.amp, lr=0.0)
    pixel = make_batch(bench.args.batch_size, 1, bench.device)
    log, runner = RuntimeInfoHook(), SimpleNamespace(message_hub=MessageHub.get_current_instance())

    def iterate(index: int) -> None:
        runner.message_hub.update_info('iter', index)
        log.after_train_iter(runner, index, outputs=hollow.train_step(pixel, wrapper))

    clock = clock_of(bench.device)
    iterate(0)
    host = [measure(lambda: iterate(i), bench.device) for i in range(HOST_ITERS)]  # noqa: B023
    model = resnet50(bench.supernet)
    optim_wrapper = build_optim_wrapper(model, bench.args.amp)
    data = make_batch(bench.args.batch_size, 224, bench.device)
    model.train_step(data, optim_wrapper)
    r50 = [
        measure(lambda: model.train_step(data, optim_wrapper), bench.device) for _ in range(iters)
    ]
    return dict(
        host=statistics.median(t[clock] for t in host),
        r50_224=statistics.median(t[clock] for t in r50),
    )


def clock_of(device: torch.device) -> str:
    """Whose seconds count."""
    return 'wall' if device.type == 'cuda' else 'cpu'


def run_benchmark(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what was asked for.

    Returns:
        The seven figures, None where not measured, then what they were computed from, the
        settings, the archs, the machine and its load.
    """
    bench = Bench(args)
    clock = clock_of(bench.device)
    result = dict.fromkeys(BARS)
    load = os.getloadavg()[0]
    if 'memory' in args.parts:  # before the static networks take room
        memory = measure_memory(bench)
        result.update(peak_memory_ratio=memory['sandwich'] / memory['max_alone'], bytes=memory)
    if 'host' in args.parts:
        host = measure_host(bench, min(args.iters, 3))
        result.update(host_overhead=host['host'] / host['r50_224'], host_seconds=host)
    times = {}
    for part, procedures in dict(time=bench.procedures, teacher=bench.taught_procedures).items():
        if part in args.parts:
            rounds = (args.draws, args.warmup, args.iters, bench.device)
            times.update(measure_rounds(procedures(), *rounds))
    if times:
        result.update(ratios(times, clock))
        result.update(
            wall_ratios=ratios(times, 'wall'), median_seconds=medians(times), rounds=times
        )
    device = torch.cuda.get_device_name(bench.device) if clock == 'wall' else 'cpu'
    return dict(
        result,
        clock=clock,
        archs=bench.draws,
        settings={k: v for k, v in vars(args).items() if k != 'json'},
        device_name=device,
        threads=torch.get_num_threads(),
        load_average=dict(before=load, after=os.getloadavg()[0]),
        machine=machine(),
        versions=versions(),
    )


def as_table(result: dict[str, Any]) -> str:
    """The figures against their bars, and the seconds behind them."""
    rows = []
    for name, (sign, bar) in BARS.items():
        if (value := result[name]) is None:
            continue
        met = value >= bar if sign == '>=' else value <= bar
        wall = result.get('wall_ratios', {}).get(name)
        rows.append(
            f'{name:22}{value:10.4f}   {sign} {bar:<5}{"met" if met else "missed":8}'
            + (f'wall {wall:.4f}' if wall and result['clock'] != 'wall' else '')
        )
    for name, seconds in result.get('median_seconds', {}).items():
        rows.append(f'{name:22}{seconds["cpu"]:10.4f} s cpu {seconds["wall"]:10.4f} s wall')
    for name, size in result.get('bytes', {}).items():
        rows.append(f'{name:22}{size / 2**20:10.1f} MiB')
    for name, seconds in result.get('host_seconds', {}).items():
        rows.append(f'{name:22}{seconds:10.4f} s')
    load = result['load_average']
    rows.append(
        f'{result["device_name"]}, {result["threads"]} threads, load {load["before"]:.1f} to '
        f'{load["after"]:.1f}; {as_line(result)}'
    )
    return '\n'.join(rows)


def main() -> None:
    args = parse_args()
    args.device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if args.device != 'cpu' and not torch.cuda.is_available():
        raise UserError(f'--device: {args.device} is not here; use cpu')
    if args.amp == 'fp16' and args.device == 'cpu':
        raise UserError('--amp: fp16 needs a GPU; use bf16 on a CPU')
    if args.threads:
        torch.set_num_threads(args.threads)
    result = run_benchmark(args)
    print(as_table(result))
    if args.json:
        write_json(args.json, result)


if __name__ == '__main__':
    run_cli(main)
