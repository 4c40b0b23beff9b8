"""Search a trained supernet for the subnets that fit images, task and budget, without labels."""

import argparse
import os.path as osp
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from gaia_ssl.datasets.readable import describe_bad
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.distances import DEFAULTS, TASKS, distance_options, distances_of, distances_with
from gaia_ssl.search import Limits, Result, Search, SearchSettings, strategy_names
from gaia_ssl.search.judge import Judge, Standing
from gaia_ssl.search.racing import MODES, Race
from gaia_ssl.search.search import labeled_images
from gaia_ssl.search.settings import COMBINE, DEFAULT_TEACHERS, STATISTICS, TEACHERS
from gaia_ssl.search.verdict import verdicts
from gaia_ssl.space import COSTS, Budget
from gaia_ssl.space.search_json import load_result
from gaia_ssl.space.units import cost_lines
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import (
    add_cfg_options,
    add_launcher,
    add_weights,
    load_config,
    naming_options,
    run_cli,
)
from gaia_ssl.utils.dist import process_group
from gaia_ssl.utils.files import write_json
from gaia_ssl.visualization import plot_search, write_html


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    add_images(parser.add_argument_group('images'))
    add_distances(parser.add_argument_group('task and distance'))
    add_budgets(parser.add_argument_group('budget'))
    add_strategy(parser.add_argument_group('strategy'))
    add_race(parser.add_argument_group('race'))
    add_computation(parser.add_argument_group('computation'))
    parser.add_argument('--work-dir', help='folder of the result')
    parser.add_argument(
        '--resume', action='store_true', help='resume the search in the work dir, if any'
    )
    add_weights(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    return parser.parse_args()


def add_images(group: argparse._ArgumentGroup) -> None:
    """Add the options of the images."""
    group.add_argument(
        '--images',
        required=True,
        nargs='+',
        help='unlabeled images: a folder, nested or not, a COCO FILE.json[:DIR] or a list '
        'FILE.txt[:DIR]; several are joined',
    )
    group.add_argument(
        '--labels',
        help='labeled images for label_knn and label_ridge: a folder with one folder per class, or '
        'for dense tasks with images and annotations, label maps in 8 bits',
    )
    group.add_argument(
        '--judge',
        metavar='DIR',
        help='labeled images, as for --labels, by which the best are judged after the search '
        'beside random archs of the budget; the search does not read them',
    )
    group.add_argument('--num-images', type=int, help='search on this many, drawn by --seed')
    group.add_argument(
        '--max-bad',
        type=float,
        help='share of the images that may be unreadable and are skipped, e.g. 0.01; '
        f'default: {SearchSettings.max_bad:g}',
    )
    group.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's or 224"
    )


def add_distances(group: argparse._ArgumentGroup) -> None:
    """Add the options of the distances; each registered distance declares its own."""
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
        '--teacher',
        choices=TEACHERS,
        help="compare with the supernet's largest subnet, or with what taught it, where that was a "
        f'frozen network; default: {", ".join(f"{t}: {d}" for t, d in DEFAULT_TEACHERS.items())}',
    )
    group.add_argument(
        '--combine',
        choices=COMBINE,
        help='add several distances as they are, or after division by their spread over the first '
        f"round's subnets; default: {SearchSettings.combine}",
    )
    group.add_argument(
        '--stages',
        type=int,
        nargs='+',
        help='stages, from 0, that a dense distance compares; default: the last one',
    )
    for name, option in distance_options().items():
        group.add_argument(
            f'--{name.replace("_", "-")}',
            type=option.type,
            help=f'{", ".join(distances_with(name))}: {option.help}',
        )


def add_budgets(group: argparse._ArgumentGroup) -> None:
    """Add the options of the budget."""
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
    group.add_argument('--latency-table', help='table of latencies that tools/latency.py measured')


def add_strategy(group: argparse._ArgumentGroup) -> None:
    """Add the options of the strategy."""
    group.add_argument(
        '--strategy',
        choices=strategy_names(),
        help='default: auto, all archs of the budget where there are at most ten times --num, else '
        'evolution; in a race all, or --num random ones',
    )
    settings = dict(
        num=(int, 'archs that are scored; exhaustive and, where few, auto take all; default: 100'),
        share_prefixes=(int, 'random: draw runs of this many archs with equal beginnings: faster'),
        population=(int, 'evolution, pareto: archs of a round; default: 10'),
        crossover=(float, 'evolution, pareto: probability of two parents'),
        mutation=(float, 'evolution, pareto: probability that a number changes'),
        offspring=(int, 'evolution, pareto: archs bred for each that is scored; default: 20'),
    )
    for name, (kind, text) in settings.items():
        group.add_argument(f'--{name.replace("_", "-")}', type=kind, help=text)
    group.add_argument(
        '--from',
        dest='search',
        metavar='D/search.json',
        help='listed: the best --num of this search, or all',
    )
    group.add_argument(
        '--seed',
        type=int,
        help=f'seed of the draws of archs and images; default: {SearchSettings.seed}',
    )
    group.add_argument('--costs', nargs='+', help='pareto: minimised as well; default: flops')


def add_race(group: argparse._ArgumentGroup) -> None:
    """Add the options of a race."""
    group.add_argument(
        '--race',
        choices=MODES,
        help='score all on a few images, and on more those that can still be among the best: sure '
        'by a bound, fast without; default: all on all images',
    )
    group.add_argument(
        '--top', type=int, help=f'how many best a race looks for; default: {Race.top}'
    )
    group.add_argument(
        '--delta',
        type=float,
        help=f'probability that a sure race drops one of them; default: {Race.delta:g}',
    )


def add_computation(group: argparse._ArgumentGroup) -> None:
    """Add the options of the computation."""
    group.add_argument(
        '--bn-policy',
        choices=STATISTICS,
        help='batch norms take statistics from each group of images, or are calibrated for each '
        f'subnet on all of them, which then run at once; default: {SearchSettings.bn_policy}',
    )
    group.add_argument(
        '--bn-group',
        type=int,
        help=f'images that share batch-norm statistics; default: {SearchSettings.bn_group}',
    )
    group.add_argument(
        '--micro-batch',
        type=int,
        default=Limits.micro_batch,
        help='such groups that run at once: more is faster on a GPU and takes more memory; the '
        'result stays the same; default: %(default)s',
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
# settings of a search that an option of the same name gives
SETTINGS = (
    'task', 'teacher', 'combine', 'stages', 'bn_policy', 'bn_group', 'num_images', 'max_bad', 'seed'
)  # fmt: skip
# options by the fields that the package's messages name
OPTIONS = dict(
    bn_group='--bn-group',
    input_size='--input-size',
    judge='--judge',
    latencies='--latency-table',
    max_bad='--max-bad',
    max_memory='--max-memory',
    micro_batch='--micro-batch',
    num_images='--num-images',
    resume='--resume',
    share_prefixes='--share-prefixes',
    stages='--stages',
    weights='--weights',
    work_dir='--work-dir',
)


def make_budget(args: argparse.Namespace) -> Budget:
    """The budget that the command line gives.

    Raises:
        UserError: If a quantity, a size or an interval is invalid.
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
        UserError: If a weight is not a number.
    """
    weights = {}
    for word in words or []:
        name, _, weight = word.partition('=')
        try:
            weights[name] = float(weight or 1)
        except ValueError as error:
            raise UserError(f'--distance: the weight of {word} is not a number') from error
    return weights or None


def make_settings(args: argparse.Namespace, config: Config) -> SearchSettings:
    """The settings that config and command line give."""
    given = {key: value for key, value in vars(args).items() if value is not None}
    half = 'float16' if torch.cuda.is_available() else 'bfloat16'
    return SearchSettings(
        **{key: given[key] for key in SETTINGS if key in given},
        distance=make_distance(args.distance),
        distance_options={key: given[key] for key in distance_options() if key in given},
        budget=make_budget(args),
        latencies=args.latency_table,
        race=make_race(args),
        strategy=make_strategy(args),
        input_size=SearchDefaults.of(config, args.input_size).input_size,
        dtype=half if args.amp else SearchSettings.dtype,
    )


def make_strategy(args: argparse.Namespace) -> dict[str, Any]:
    """The strategy that the command line gives.

    Raises:
        UserError: If archs of another search are asked for without one, or the other way round.
    """
    given = {key: getattr(args, key) for key in STRATEGY_SETTINGS}
    settings = {key: value for key, value in given.items() if value is not None}
    of_race = 'exhaustive' if args.num is None else 'random'
    strategy = args.strategy or (of_race if args.race else 'auto')
    if (strategy == 'listed') != (args.search is not None):
        raise UserError('--strategy: listed takes the archs of --from D/search.json; give both')
    if args.search is not None:
        rows = load_result(args.search)['subnets'][: settings.pop('num', None)]
        settings['archs'] = [row['arch'] for row in rows]
    return dict(settings, type=strategy)


def make_race(args: argparse.Namespace) -> dict[str, Any] | None:
    """The settings of the race, if there is one.

    Raises:
        UserError: If there are settings without a race.
    """
    settings = dict(top=args.top, delta=args.delta)
    given = {key: value for key, value in settings.items() if value is not None}
    if args.race is None:
        if given:
            raise UserError(f'{min(given)}: it is a setting of a race; give --race as well')
        return None
    return dict(given, mode=args.race)


def search(args: argparse.Namespace) -> None:
    """Search, write the result and show the best."""
    config = load_config(args.config, args.cfg_options)
    settings = make_settings(args, config)
    limits = Limits(args.micro_batch, args.max_memory)
    name = osp.splitext(osp.basename(args.config))[0]
    work_dir = args.work_dir or osp.join('work_dirs', f'{name}_search_{args.task}')
    files, weights = (config, args.checkpoint, args.images), dict(weights=args.weights)
    job = Search.from_files(*files, settings, labels=args.labels, **weights)
    judge = None
    if args.judge is not None:
        labeled = labeled_images(args.judge, job.images.images.pipeline)
        judge = Judge(labeled.kind, settings, job.candidates)
    bad = job.images.bad
    if is_main_process():
        if bad:
            print(describe_bad(bad, len(job.images) + len(bad)))
        print(job.describe(), flush=True)
    result = job.run(work_dir, args.resume, limits)
    if is_main_process():
        print(summary(result, work_dir), flush=True)
        plot_search(result, osp.join(work_dir, 'distance.png'))
        write_html(result, osp.join(work_dir, 'search.html'))
    if judge is not None:
        own = Search.from_files(*files, judge.settings(result), labels=args.judge, **weights)
        judged = own.run(osp.join(work_dir, 'judged'), args.resume, limits)
        if is_main_process():
            report = judge.judgement(result, judged)
            write_html(judged, osp.join(work_dir, 'judged', 'search.html'))
            print(judge_table(report), flush=True)
            write_json(osp.join(work_dir, 'judge.json'), report)


def judge_table(report: dict[str, Any]) -> str:
    """The judged subnets by their roles, and how the pick stands by each judge."""
    judges, rows = [s['judge'] for s in report['standings']], report['subnets']
    headings, *costs = cost_lines(rows, ['flops', 'params'])
    lines = [f'{"distance":>10}  {headings}  {"; ".join(judges)}, role']
    for row, text in zip(rows, costs, strict=True):
        figures = '  '.join(f'{row["judges"][judge]:6.2f}' for judge in judges)
        lines.append(f'{row["distance"]:10.4g}  {text}  {figures}  {", ".join(row["roles"])}')
    return '\n'.join([*lines, *(Standing(**s).line() for s in report['standings'])])


def summary(result: Result, work_dir: str) -> str:
    """The best subnets, that of the most parameters and the anchors, as a table."""
    subnets = result['subnets']
    largest = max(range(len(subnets)), key=lambda index: subnets[index]['params'])
    shown = [*range(min(5, len(subnets))), *([largest] if largest >= 5 else [])]
    ranked = [(f'{index + 1}', subnets[index]) for index in shown]
    rows = [*ranked, *((row['name'], row) for row in result['anchors'])]
    headings, *costs = cost_lines([row for _, row in rows], ['flops', 'params'])
    lines = [f'{"":>5}  {"distance":>10}  {headings}  arch']
    for (label, row), text in zip(rows, costs, strict=True):
        lines.append(f'{label:>5}  {row["distance"]:10.4g}  {text}  {row["arch"]}')
    if largest >= 5:
        lines.append(f'rank {largest + 1} has the most parameters')
    lines.append(
        f'{len(subnets)} subnets ranked in {work_dir}/search.json, of '
        f'{result["meta"]["num_feasible"]:,} within the budget'
    )
    return '\n'.join([*lines, *race_lines(result), *(v.line() for v in verdicts(result))])


def race_lines(result: Result) -> list[str]:
    """Lines about a race: its steps, and if the images separate the best."""
    race = result['meta'].get('race_result')
    if race is None:
        return []
    steps = ', '.join(f'{step["archs"]} to {step["images"]}' for step in race['steps'])
    lines = [f'race: subnets by images {steps}; {race["share"]:.0%} of the multiply-adds of all']
    top = result['meta']['race']['top']
    if race['possible']:
        needed = race['images']
        lines.append(
            f'other images might put {race["possible"]} more among the best {top}'
            + ('' if needed is None else f'; to separate them takes about {needed} images')
        )
    return lines


def main() -> None:
    args = parse_args()
    with naming_options(OPTIONS), process_group(args.launcher, args.local_rank):
        search(args)


if __name__ == '__main__':
    run_cli(main)
