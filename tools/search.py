"""Search a trained supernet for the subnets that fit one's images, task and budget, unlabeled."""

import argparse
import os
import os.path as osp

from mmengine.config import DictAction
from mmengine.dist import is_main_process

from gaia_ssl.search import STRATEGIES, Result, Search, SearchSettings, distances_of
from gaia_ssl.search.distances import DEFAULTS, TASKS
from gaia_ssl.space import Budget, parse_quantity
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.dist import LAUNCHERS, init_dist
from gaia_ssl.visualization import plot_search


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    parser.add_argument('--images', required=True, help='folder of unlabeled images, nested or not')
    parser.add_argument(
        '--task',
        required=True,
        choices=TASKS,
        help='global for classification, dense for detection and segmentation',
    )
    parser.add_argument(
        '--distance',
        help='; '.join(f'{t}: {", ".join(distances_of(t))}, default {DEFAULTS[t]}' for t in TASKS),
    )
    parser.add_argument(
        '--stages',
        type=int,
        nargs='+',
        help='stages, from 0, that a dense distance compares; default: the last one',
    )
    for cost, example in dict(flops='3G 4G', params='20M 30M').items():
        parser.add_argument(
            f'--{cost}',
            nargs=2,
            metavar=('LOW', 'HIGH'),
            help=f'budget, e.g. {example}: LOW <= {cost} of the backbone < HIGH',
        )
    parser.add_argument(
        '--strategy', choices=STRATEGIES, default='random', help='which archs are scored'
    )
    parser.add_argument('--num', type=int, default=100, help='archs that random draws')
    parser.add_argument('--seed', type=int, default=0, help='seed of the draw')
    parser.add_argument(
        '--bn-group', type=int, default=64, help='images that share batch-norm statistics'
    )
    parser.add_argument(
        '--micro-batch',
        type=int,
        default=1,
        help='such groups that run at once: more is faster on a GPU and takes more memory; the '
        'result stays the same',
    )
    parser.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's or 224"
    )
    parser.add_argument('--work-dir', help='where the result goes')
    parser.add_argument(
        '--resume', action='store_true', help='go on with the search in the work dir, if any'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config: key=value',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser.parse_args()


def make_budget(args: argparse.Namespace) -> Budget:
    """The budget that the command line gives."""
    given = dict(flops=args.flops, params=args.params)
    return Budget(**{k: tuple(map(parse_quantity, v)) for k, v in given.items() if v})


def main() -> None:
    args = parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    config = load_config(args.config, args.cfg_options)
    settings = SearchSettings(
        task=args.task,
        distance=args.distance,
        stages=args.stages,
        budget=make_budget(args),
        strategy=args.strategy,
        num=args.num,
        seed=args.seed,
        bn_group=args.bn_group,
        input_size=args.input_size,
    )
    name = osp.splitext(osp.basename(args.config))[0]
    work_dir = args.work_dir or osp.join('work_dirs', f'{name}_search_{args.task}')
    init_dist(args.launcher)
    search = Search(config, args.checkpoint, args.images, settings)
    result = search.run(work_dir, args.resume, args.micro_batch)
    if is_main_process():
        plot_search(result, osp.join(work_dir, 'distance.png'))
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


if __name__ == '__main__':
    run_cli(main)
