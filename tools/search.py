"""Search a trained supernet for the subnets that fit one's images, task and budget, unlabeled."""

import argparse
import os.path as osp

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from gaia_ssl.datasets.readable import describe_bad
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.search import Result, Search, SearchSettings, distances_of, strategy_names
from gaia_ssl.search.distances import DEFAULTS, TASKS
from gaia_ssl.search.groups import check_limits
from gaia_ssl.search.search import STATISTICS
from gaia_ssl.space import COSTS, Budget
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import add_cfg_options, add_launcher, load_config, run_cli
from gaia_ssl.utils.dist import process_group
from gaia_ssl.visualization import plot_search, write_html


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    add_images(parser.add_argument_group('what it is searched on'))
    add_distances(parser.add_argument_group('what is compared'))
    add_budgets(parser.add_argument_group('what a subnet may cost'))
    add_strategy(parser.add_argument_group('which subnets are scored'))
    add_computation(parser.add_argument_group('how it is computed'))
    parser.add_argument('--work-dir', help='where the result goes')
    parser.add_argument(
        '--resume', action='store_true', help='resume the search in the work dir, if any'
    )
    add_cfg_options(parser)
    add_launcher(parser)
    return parser.parse_args()


def add_images(group: argparse._ArgumentGroup) -> None:
    """The options that say which images are used."""
    group.add_argument(
        '--images',
        required=True,
        nargs='+',
        help='unlabeled images: a folder, nested or not, a COCO FILE.json[:DIR] or a list '
        'FILE.txt[:DIR]; several are joined',
    )
    group.add_argument('--num-images', type=int, help='take so many of them, drawn by --seed')
    group.add_argument(
        '--max-bad',
        type=float,
        default=0,
        help='share of the images that may be unreadable and are skipped, e.g. 0.01; default: 0',
    )
    group.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's or 224"
    )


def add_distances(group: argparse._ArgumentGroup) -> None:
    """The options that say how far a subnet is from the teacher."""
    group.add_argument(
        '--task',
        required=True,
        choices=TASKS,
        help='global for classification, dense for detection and segmentation',
    )
    group.add_argument(
        '--distance',
        nargs='+',
        metavar='NAME[=WEIGHT]',
        help='; '.join(f'{t}: {", ".join(distances_of(t))}, default {DEFAULTS[t]}' for t in TASKS)
        + '; several are summed, those of the other task as TASK_NAME',
    )
    group.add_argument(
        '--stages',
        type=int,
        nargs='+',
        help='stages, from 0, that a dense distance compares; default: the last one',
    )
    group.add_argument(
        '--grid', type=int, help='a dense distance pools larger maps to this many cells a side'
    )
    group.add_argument(
        '--temperature', type=float, help='of the softmax of relation and kl; default: 0.2'
    )


def add_budgets(group: argparse._ArgumentGroup) -> None:
    """The options that say what a subnet may cost."""
    examples = dict(flops='3G 4G', params='20M 30M', memory='0 8M', latency='0 20ms')
    for cost, example in examples.items():
        sized = cost in SIZED
        group.add_argument(
            f'--{cost}',
            nargs='+' if sized else 2,
            action='append' if sized else 'store',
            metavar='LOW HIGH [HxW]' if sized else ('LOW', 'HIGH'),
            help=f'e.g. {example}: LOW <= {cost} of the backbone < HIGH'
            + ('; at other images, too: again, with their size' if sized else ''),
        )
    group.add_argument('--latency-table', help='the times that tools/latency.py measured')


def add_strategy(group: argparse._ArgumentGroup) -> None:
    """The options that say which subnets are scored."""
    group.add_argument(
        '--strategy', choices=strategy_names(), default='random', help='default: %(default)s'
    )
    settings = dict(
        num=(int, 'archs that are scored, but for exhaustive, which takes all; default: 100'),
        share_prefixes=(int, 'random: draw runs of this many archs that begin alike: faster'),
        population=(int, 'evolution, pareto: archs of a round; default: 10'),
        crossover=(float, 'evolution, pareto: probability of two parents'),
        mutation=(float, 'evolution, pareto: probability that a number changes'),
        offspring=(int, 'evolution, pareto: archs bred for each that is scored; default: 20'),
    )
    for name, (kind, text) in settings.items():
        group.add_argument(f'--{name.replace("_", "-")}', type=kind, help=text)
    group.add_argument('--seed', type=int, default=0, help='seed of the draws of archs and images')
    group.add_argument('--costs', nargs='+', help='pareto: minimised as well; default: flops')


def add_computation(group: argparse._ArgumentGroup) -> None:
    """The options that say how scores are computed."""
    group.add_argument(
        '--bn-policy',
        choices=STATISTICS,
        default='group',
        help='batch norms take statistics from each group of images, or are calibrated for each '
        'subnet on all of them, which then run at once',
    )
    group.add_argument(
        '--bn-group', type=int, default=64, help='images that share batch-norm statistics'
    )
    group.add_argument(
        '--micro-batch',
        type=int,
        default=1,
        help='such groups that run at once: more is faster on a GPU and takes more memory; the '
        'result stays the same',
    )
    group.add_argument(
        '--max-memory', help='e.g. 8G: bytes of activations; sets --micro-batch to what fits'
    )
    group.add_argument(
        '--amp',
        action='store_true',
        help='run the networks in half precision: float16 on a GPU, bfloat16 without',
    )


SIZED = ('flops', 'memory')
STRATEGY_SETTINGS = (
    'num', 'share_prefixes', 'population', 'crossover', 'mutation', 'offspring', 'costs'
)  # fmt: skip
DISTANCE_SETTINGS = ('grid', 'temperature')


def make_budget(args: argparse.Namespace) -> Budget:
    """The budget that the command line gives.

    Raises:
        UserError: If a quantity, a size or an interval is none.
    """
    intervals = {}
    for cost in COSTS:
        given = getattr(args, cost) or []
        for low_high in given if cost in SIZED else [given] if given else []:
            name = '@'.join([cost, *low_high[2:]])
            intervals[name] = low_high[:2]
    return Budget.parse(intervals)


def make_distance(words: list[str] | None) -> dict[str, float] | None:
    """The distances and weights that the command line gives.

    Raises:
        UserError: If a weight is no number.
    """
    weights = {}
    for word in words or []:
        name, _, weight = word.partition('=')
        try:
            weights[name] = float(weight or 1)
        except ValueError as error:
            raise UserError(f'--distance: the weight of {word} is no number') from error
    return weights or None


def make_settings(args: argparse.Namespace, config: Config) -> SearchSettings:
    """The settings that config and command line give."""
    given = {key: value for key, value in vars(args).items() if value is not None}
    strategy = {key: given[key] for key in STRATEGY_SETTINGS if key in given}
    half = 'float16' if torch.cuda.is_available() else 'bfloat16'
    return SearchSettings(
        task=args.task,
        distance=make_distance(args.distance),
        stages=args.stages,
        distance_options={k: given[k] for k in DISTANCE_SETTINGS if k in given},
        budget=make_budget(args),
        latencies=args.latency_table,
        strategy=dict(strategy, type=args.strategy),
        bn_policy=args.bn_policy,
        bn_group=args.bn_group,
        input_size=SearchDefaults.of(config, args.input_size).input_size,
        dtype=half if args.amp else 'float32',
        num_images=args.num_images,
        max_bad=args.max_bad,
        seed=args.seed,
    )


def search(args: argparse.Namespace) -> None:
    """Search, write what is found and show the best."""
    config = load_config(args.config, args.cfg_options)
    settings = make_settings(args, config)
    limits = check_limits(args.micro_batch, args.max_memory)
    name = osp.splitext(osp.basename(args.config))[0]
    work_dir = args.work_dir or osp.join('work_dirs', f'{name}_search_{args.task}')
    job = Search.from_files(config, args.checkpoint, args.images, settings)
    if job.bad and is_main_process():
        print(describe_bad(job.bad, len(job.images) + len(job.bad)))
    result = job.run(work_dir, args.resume, **limits)
    if is_main_process():
        plot_search(result, osp.join(work_dir, 'distance.png'))
        write_html(result, osp.join(work_dir, 'search.html'))
        print(summary(result, work_dir))


def summary(result: Result, work_dir: str) -> str:
    """The best subnets and the anchors, as a table."""
    best = [(f'{rank}', row) for rank, row in enumerate(result['subnets'][:5], 1)]
    rows = [*best, *((row['name'], row) for row in result['anchors'])]
    lines = [f'{"":>5}  {"distance":>10}  {"MFLOPs":>9}  {"Mparams":>8}  arch']
    for label, row in rows:
        lines.append(
            f'{label:>5}  {row["distance"]:10.4g}  {row["flops"] / 1e6:9.1f}  '
            f'{row["params"] / 1e6:8.2f}  {row["arch"]}'
        )
    return '\n'.join([*lines, f'{len(result["subnets"])} subnets ranked in {work_dir}/search.json'])


def main() -> None:
    args = parse_args()
    with process_group(args.launcher, args.local_rank):
        search(args)


if __name__ == '__main__':
    run_cli(main)
