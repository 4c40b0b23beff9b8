"""Measure the search's tree against scoring candidates one at a time, all in one run.

Usage: python tools/studies/search_throughput.py [--archs 100 1000 all] [--size 64] [--json F]

Candidates are random archs of a budget of multiply-adds (counted at 224 px), ``all`` being every
arch of it. The reference procedure is what the released GAIA-ssl does: for each candidate a new
data loader, the images decoded again, and a forward of the subnet and of MAX. A sample of the
candidates is scored by it, and its time per candidate taken for all. Weights are random: they do
not matter here. Per number of archs:

  speedup             time of the reference procedure over that of the tree, loading included;
                      the median of the rounds
  flops_limit         the same ratio of multiply-adds alone
  share_of_static     time that the tree's steps take inside static networks over that of the tree
  max_rel_difference  largest relative difference of distances between the two
  archs_per_second    candidates per second and image

With one thread the time is the processor time of the process, which busy neighbours disturb less.
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

from gaia_ssl.benchmark.iterations import build_supernet
from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.search.batchnorm import group_statistics
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.feasible import CostModel, Feasible
from gaia_ssl.search.groups import ROOM, split_groups
from gaia_ssl.search.loading import BatchLoader
from gaia_ssl.search.strategies import Random
from gaia_ssl.search.terms import build_terms
from gaia_ssl.search.tree import Node, Tap
from gaia_ssl.space import Arch, Budget, Family, SearchSpace, get_space
from gaia_ssl.space.latency import path_keys, step_key
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import write_json

BARS = {100: 4, 1000: 8, 'all': 25}  # speedups
PASSES = 5  # of a static network, the first to warm up


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--space', default='ar50to101', help='default: %(default)s')
    parser.add_argument(
        '--flops', nargs=2, default=['5G', '6G'], metavar=('LOW', 'HIGH'), help='default: 5G 6G'
    )
    parser.add_argument(
        '--archs', nargs='+', default=['100', '1000', 'all'], help='default: 100 1000 all'
    )
    parser.add_argument('--task', choices=('global', 'dense'), default='global')
    parser.add_argument('--images', help='folder of images; default: made ones, of 500x375 px')
    parser.add_argument('--num-images', type=int, default=16, help='default: %(default)s')
    parser.add_argument('--bn-group', type=int, default=16, help='default: %(default)s')
    parser.add_argument('--size', type=int, default=64, help='side of the images (%(default)s px)')
    parser.add_argument(
        '--reference', type=int, default=10, help='candidates scored one at a time (%(default)s)'
    )
    parser.add_argument('--rounds', type=int, default=3, help='default: %(default)s')
    parser.add_argument('--device', help='default: a GPU where there is one, else the CPU')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads (%(default)s)')
    parser.add_argument('--json', type=Path, metavar='F', help='write the figures to this file')
    return parser.parse_args()


class Bench:
    """Both procedures on the same supernet, images and archs.

    Args:
        args: The command line.
        folder: The folder of the images.
    """

    def __init__(self, args: argparse.Namespace, folder: str) -> None:
        self.args = args
        gpu = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.device = torch.device(gpu)
        self.space = get_space(args.space)
        torch.manual_seed(0)
        self.model = build_supernet(self.space, args.bn_group).to(self.device).eval()
        pipeline = default_pipeline(args.size)
        self.images = ImageSet(folder, pipeline).subset(args.num_images, 0)
        self.groups = split_groups(len(self.images), args.bn_group)
        stages = len(self.space.path(self.space.max).stages)
        self.terms = build_terms(args.task, None, None, stages)
        self.feasible = Feasible(CostModel(self.space, 224), Budget.parse(dict(flops=args.flops)))

    def archs(self, num: str) -> list[Arch]:
        """Random candidates, or all."""
        number = len(self.feasible) if num == 'all' else int(num)
        [indices] = Random(number).rounds(self.feasible)
        return [self.feasible[index].arch for index in indices]

    def tree(self, evaluator: TreeEvaluator) -> tuple[np.ndarray, float]:
        """Distances by the tree, and the seconds of its computation without loading."""
        loader = BatchLoader(self.images, self.groups, self._normalise)
        batches = [range(i, i + 1) for i in range(len(self.groups))]
        total, seconds = 0, 0
        for batch, images in zip(batches, loader(batches)):
            sizes = [len(self.groups[group]) for group in batch]
            sums, spent = self.timed(partial(evaluator, images, sizes, room=ROOM))
            total, seconds = total + sums[0, :, 0], seconds + spent
        return total / len(self.images), seconds

    @torch.inference_mode()
    def one_by_one(self, archs: Sequence[Arch]) -> np.ndarray:
        """Distances by the reference procedure."""
        (student, neck), (teacher, teacher_neck) = self.model.student, self.model.teacher
        distance, embeds = self.terms[0].score, self.args.task == 'global'
        scores = []
        for arch in archs:
            total = 0
            for images in DataLoader(self.images, self.args.bn_group):
                images = self._normalise(images)
                with group_statistics([student, neck, teacher, teacher_neck], [len(images)]):
                    student.set_arch(arch)
                    teacher.set_arch('MAX')
                    ours, theirs = student(images), teacher(images)
                    if embeds:
                        ours, theirs = neck(ours), teacher_neck(theirs)
                    values = distance(ours[0], distance.target(theirs[0]))
                total += values.double().sum().item()
            scores.append(total / len(self.images))
        return np.array(scores)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        data = dict(inputs=images.to(self.device), data_samples=None)
        return self.model.data_preprocessor(data)['inputs']

    def timed(self, function: Callable, *args: Any) -> tuple[Any, float]:
        """The result of a function, and the seconds that it took."""
        own = self.device.type == 'cpu' and self.args.threads == 1
        clock = time.process_time if own else time.perf_counter
        if self.device.type == 'cuda':
            torch.cuda.synchronize()
        start = clock()
        out = function(*args)
        if self.device.type == 'cuda':
            torch.cuda.synchronize()
        return out, clock() - start

    @torch.inference_mode()
    def static_seconds(self, archs: Sequence[Arch], steps: Counter) -> float:
        """Seconds that steps take inside static networks, on one batch-norm group.

        Args:
            archs: Archs that together have all the steps.
            steps: How often each step runs, by its key.
        """
        size = (self.args.size, self.args.size)
        images = self._normalise(torch.stack([self.images[i] for i in self.groups[0]]))
        seconds = {}
        for arch in archs:
            keys = path_keys(self.space.family, arch, size)
            if not seconds.keys() >= set(keys):
                for key, spent in zip(keys, self._laps(arch, images), strict=True):
                    seconds.setdefault(key, spent)
        return sum(seconds[key] * number for key, number in steps.items())

    def _laps(self, arch: Arch, images: torch.Tensor) -> list[float]:
        """The median seconds of each step of a static network."""
        net = self.model.student[0].extract(arch)
        laps = []
        with group_statistics([net], [len(images)]):
            for _ in range(PASSES):
                x, spent = images, []
                for step in net.active_path.steps:
                    x, seconds = self.timed(net.run, step, x)
                    spent.append(seconds)
                laps.append(spent)
        return [statistics.median(times) for times in zip(*laps[1:], strict=True)]


def tree_steps(root: Node, family: Family) -> tuple[Counter, int]:
    """The number of runs of each step of a tree, by its key, and the multiply-adds of them all."""
    steps, flops, nodes = Counter(), 0, [root]
    while nodes:
        node = nodes.pop()
        for step, child in node.children.items():
            nodes.append(child)
            if not isinstance(step, Tap):
                stage, _ = child.key.place
                steps[step_key(stage, step, node.channels, node.size)] += 1
                flops += family.step_cost(step, node.channels, node.size)[0].flops
    return steps, flops


def measure(bench: Bench, num: str) -> dict[str, Any]:
    """The figures of one number of archs."""
    args, space = bench.args, bench.space
    archs = bench.archs(num)
    sample = [archs[i * len(archs) // args.reference] for i in range(args.reference)]
    size = (args.size, args.size)
    evaluator = TreeEvaluator(bench.model.student, bench.model.teacher, bench.terms, archs, size)
    cost_model = CostModel(space, args.size)
    steps, tree_flops = tree_steps(evaluator.tree, space.family)
    max_flops = cost_model.candidate(space.max).costs['flops']
    single = sum(cost_model.candidate(arch).costs['flops'] + max_flops for arch in archs)
    rounds = []
    for _ in range(args.rounds if num != 'all' else 1):
        (distances, computing), tree = bench.timed(bench.tree, evaluator)
        reference, seconds = bench.timed(bench.one_by_one, sample)
        found = dict(zip(map(str, archs), distances))
        difference = max(
            abs(found[str(arch)] - other) / abs(other) for arch, other in zip(sample, reference)
        )
        rounds.append(
            dict(
                speedup=seconds / len(sample) * len(archs) / tree,
                tree=tree,
                computing=computing,
                reference_per_arch=seconds / len(sample),
                difference=difference,
            )
        )
    static = bench.static_seconds([space.max, *archs], steps + max_steps(space, args.size))
    static *= len(bench.groups)
    tree = statistics.median(r['tree'] for r in rounds)
    return dict(
        archs=len(archs),
        speedup=statistics.median(r['speedup'] for r in rounds),
        flops_limit=single / (tree_flops + max_flops),
        share_of_static=static / statistics.median(r['computing'] for r in rounds),
        max_rel_difference=max(r['difference'] for r in rounds),
        archs_per_second=len(archs) * len(bench.images) / tree,
        gflops_per_second=(tree_flops + max_flops) * len(bench.images) / tree / 1e9,
        rounds=rounds,
    )


def max_steps(space: SearchSpace, size: int) -> Counter:
    """The steps of the teacher."""
    return Counter(path_keys(space.family, space.max, (size, size)))


def make_images(folder: Path, number: int) -> None:
    """JPEGs of 500x375 px of colourful noise, as large as ImageNet's usually are."""
    rng = np.random.default_rng(0)
    for index in range(number):
        noise = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        noise.resize((500, 375), Image.Resampling.BICUBIC).save(folder / f'{index:04d}.jpg')


def as_table(results: dict[str, dict[str, Any]]) -> str:
    """The figures for people."""
    names = ('archs', 'speedup', 'flops_limit', 'share_of_static', 'max_rel_difference')
    names += ('archs_per_second', 'gflops_per_second')
    lines = [f'{"":20}' + ''.join(f'{num:>12}' for num in results)]
    for name in names:
        values = ''.join(f'{figures[name]:12.4g}' for figures in results.values())
        lines.append(f'{name:20}{values}')
    return '\n'.join(lines)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as made:
        if args.images is None:
            make_images(Path(made), args.num_images)
        bench = Bench(args, args.images or made)
        results = {num: measure(bench, num) for num in args.archs}
    settings = {k: v for k, v in vars(args).items() if k not in ('json', 'images')}
    result = dict(results, settings=settings, machine=machine(), versions=versions())
    print(as_table(results))
    for num, bar in BARS.items():
        if str(num) in results:
            held = 'ok' if results[str(num)]['speedup'] >= bar else 'MISSED'
            print(f'{num}: speedup {results[str(num)]["speedup"]:.2f} >= {bar}: {held}')
    print(as_line(result))
    if args.json:
        write_json(args.json, result)


if __name__ == '__main__':
    run_cli(main)
