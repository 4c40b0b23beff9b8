"""Judge subnets of a trained supernet by kNN and a linear probe on a labeled folder.

The same subnets with random weights are judged beside them.
"""

import argparse
import inspect
import os
import os.path as osp
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from gaia_ssl.evaluation import FolderProbes, evaluate_subnets, random_backbone
from gaia_ssl.export.choices import choose_arch
from gaia_ssl.models.supernet import load_supernet_backbone
from gaia_ssl.space import SearchSpace
from gaia_ssl.space.units import cost_lines
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import add_cfg_options, add_launcher, add_weights, load_config, run_cli
from gaia_ssl.utils.dist import process_group
from gaia_ssl.utils.files import file_digest, write_json

FOLDERS = ('train', 'val')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    for name, what in dict(train='whose labels are known', val='to classify').items():
        parser.add_argument(
            f'--{name}',
            metavar='DIR',
            help=f"images {what}, one folder inside per class; default: the config's knn.{name}",
        )
    parser.add_argument(
        '--archs',
        nargs='+',
        metavar='ARCH',
        help='anchors (MAX, R50, ...), JSON, or JSON files; default: all anchors of the space',
    )
    parser.add_argument(
        '--random',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='also judge the same subnets with random weights, the baseline; default: yes',
    )
    parser.add_argument(
        '--input-size', type=int, help="side of the images in pixels; default: the config's or 224"
    )
    parser.add_argument('--work-dir', help='where test.json goes')
    add_weights(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    return parser.parse_args()


def make_probes(config: Config, args: argparse.Namespace) -> FolderProbes:
    """The evaluation that the config's ``test`` and the command line ask for.

    Raises:
        UserError: If neither names the folders, or ``test`` has an unknown setting.
    """
    options = dict(config.get('knn') or {})
    given = dict(train=args.train, val=args.val, input_size=args.input_size)
    options.update({key: value for key, value in given.items() if value is not None})
    for name in FOLDERS:
        if name not in options:
            raise UserError(f'--{name}: give a folder that holds one folder of images per class')
    known = inspect.signature(FolderProbes).parameters
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f'knn.{unknown[0]}: unknown setting; the config may have {", ".join(known)}'
        )
    return FolderProbes(config, **options)


def choose_archs(space: SearchSpace, texts: list[str] | None) -> dict[str, dict]:
    """The archs to judge by their names; one given as JSON is its own name.

    Raises:
        UserError: If an arch is malformed or out of the space's bounds.
    """
    if texts is None:
        return space.anchors
    return {text: space.check(choose_arch(text).arch) for text in texts}


def judge(config: Config, args: argparse.Namespace, work_dir: str) -> dict[str, Any]:
    """The content of ``test.json``, which is to go into a folder that can be written."""
    supernet = load_supernet_backbone(config, args.checkpoint, args.weights)
    archs = choose_archs(supernet.space, args.archs)
    probes = make_probes(config, args)
    baseline = random_backbone(config) if args.random else None
    os.makedirs(work_dir, exist_ok=True)  # an unwritable folder fails before the work, not after it
    rows = evaluate_subnets(probes, archs, supernet, baseline)
    checkpoint = dict(checkpoint=args.checkpoint, checkpoint_sha256=file_digest(args.checkpoint))
    meta = dict(config=args.config, **checkpoint, weights=args.weights, **probes.describe())
    return dict(meta=meta, subnets=rows)


def table(result: dict[str, Any]) -> str:
    """The result to be read."""
    columns = {
        f'{kind}_top1{weights}': title
        for kind, name in dict(knn='kNN top-1', linear='linear').items()
        for weights, title in {'': name, '_random': 'random'}.items()
    }
    columns = {key: title for key, title in columns.items() if key in result['subnets'][0]}
    titles = ''.join(f'  {title:>9}' for title in columns.values())
    headings, *costs = cost_lines(result['subnets'], ['flops', 'params'])
    lines = [f'{headings}{titles}  subnet']
    for row, text in zip(result['subnets'], costs, strict=True):
        scores = ''.join(f'  {row[key]:9.2f}' for key in columns)
        lines.append(f'{text}{scores}  {row["name"]}')
    meta = result['meta']
    error = 50 / meta['val_images'] ** 0.5
    lines.append(
        f'always the largest class: {meta["majority"]:.2f}; one standard error: {error:.2f} or less'
    )
    return '\n'.join(lines)


def test(args: argparse.Namespace) -> None:
    """Judge the subnets, write the figures and show them."""
    config = load_config(args.config, args.cfg_options)
    name = osp.splitext(osp.basename(args.config))[0]
    work_dir = args.work_dir or osp.join('work_dirs', f'{name}_test')
    result = judge(config, args, work_dir)
    if is_main_process():
        # what cannot be written is not lost
        print(table(result), flush=True)
        path = osp.join(work_dir, 'test.json')
        write_json(path, result)
        print(f'{len(result["subnets"])} subnets in {path}')


def main() -> None:
    args = parse_args()
    with process_group(args.launcher, args.local_rank):
        test(args)


if __name__ == '__main__':
    run_cli(main)
