"""Compare training signals of a supernet (own loss, guides, teacher) at equal CPU time on CIFAR-10.

Usage: python tools/studies/supernet_recipes.py --data data/cifar10 [--teacher FILE] [--minutes 10]

The images are what tools/dataset_converters/cifar10.py makes; ``--teacher`` is a ResNet-50 in
torchvision's layout, such as tools/model_converters/keras_to_torchvision.py writes. Each recipe
is timed first; then it is trained for as many iterations as fit into ``--minutes`` of processor
time, once per seed, one thread each and as many side by side as there are cores. A teacher's pass
over the images counts. Judged are MAX, R18, MIN and 20 random subnets within 5% of the median of
FLOPs, with calibrated batch norms: kNN and ridge top-1 on the test images. What is done is not
repeated. The figures go to ``--json``, a row per training, where rows of other recipes and seeds
are kept, and into a table.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.stages import Stage
from gaia_ssl.benchmark.stopwatch import WARM
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.distances import ridge_scores, weighted_knn
from gaia_ssl.engine.train import prepare_config, train
from gaia_ssl.evaluation.features import PooledFeatures
from gaia_ssl.models.supernet import load_supernet_backbone
from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import table
from gaia_ssl.utils.paths import CONFIGS

ANCHORS = ('MAX', 'R18', 'MIN')
BAND = 0.05  # of the median of FLOPs, to either side
BAND_ARCHS = 20
SIDE = 32  # pixels of a view
TIMED = 40  # iterations, after the first


class Recipe(NamedTuple):
    """A way to train a supernet.

    Attributes:
        method: The folder of its config.
        options: Settings of the config to override.
        weights: The weights that are judged, see ``load_supernet``.
        trained: The recipe whose trainings are judged. Defaults to its own.
        cached: Whether a teacher runs once on whole images, not on every view.
    """

    method: str
    options: dict[str, Any] = {}
    weights: str = 'online'
    trained: str | None = None
    cached: bool = True


def _guides(num_random: int = 1, **weights: float) -> dict[str, Any]:
    """Settings of guides; the next larger subnet is another than MAX from two random ones on."""
    sampler = dict(type='SandwichSampler', num_random=num_random)
    return {'model.guides': dict(weights=weights), 'model.arch_sampler': sampler}


def _taught(losses: dict[str, dict], num_random: int = 1, **weights: float) -> dict[str, Any]:
    """Settings of a teacher's losses, in place of those of the config, and of guides."""
    guides = _guides(num_random, **weights) if weights else {}
    return {**guides, 'model.head.losses': {'_delete_': True, **losses}}


COSINE = dict(global_cosine=dict(weight=1.0))
RELATION = dict(global_relation=dict(weight=1.0, temperature=0.07))
CURRICULUM = {'model.arch_sampler': dict(_delete_=True, type='CurriculumSampler')}
RECIPES = {
    'mocov2': Recipe('mocov2'),
    'mocov2+guide_max': Recipe('mocov2', _guides(max=0.5)),
    'mocov2+guide_next': Recipe('mocov2', _guides(2, next=0.5)),
    'mocov2+guide_ema': Recipe('mocov2', _guides(ema=0.5)),
    'mocov2+guide_max+guide_ema': Recipe('mocov2', _guides(max=0.25, ema=0.25)),
    'mocov2+guide_teacher': Recipe('mocov2', _guides(teacher=0.5)),
    'mocov2+curriculum': Recipe('mocov2', CURRICULUM),
    'mocov2+ema': Recipe('mocov2', weights='ema', trained='mocov2'),
    'simclr': Recipe('simclr'),
    'simclr+guide_max': Recipe('simclr', _guides(max=0.5)),
    'simclr+guide_next': Recipe('simclr', _guides(2, next=0.5)),
    'simclr+guide_teacher': Recipe('simclr', _guides(teacher=0.5)),
    'teacher_cosine': Recipe('distill', _taught(COSINE)),
    'teacher_relation': Recipe('distill', _taught(RELATION)),
    'teacher_cosine+teacher_relation': Recipe('distill', _taught(COSINE | RELATION)),
    'teacher_cosine+teacher_relation+views': Recipe(
        'distill', _taught(COSINE | RELATION), cached=False
    ),
    'teacher_cosine+teacher_relation+guide_max': Recipe(
        'distill', _taught(COSINE | RELATION, max=0.5)
    ),
    'teacher_cosine+teacher_relation+guide_next': Recipe(
        'distill', _taught(COSINE | RELATION, 2, next=0.5)
    ),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--data', type=Path, required=True, help='CIFAR-10 as class folders')
    parser.add_argument('--teacher', type=Path, help='ResNet-50, for the recipes with a teacher')
    parser.add_argument(
        '--recipes', nargs='+', choices=RECIPES, default=list(RECIPES), help='default: all'
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2], help='default: 0 1 2')
    parser.add_argument(
        '--minutes', type=float, default=10.0, help='of a training (default: %(default)s)'
    )
    parser.add_argument(
        '--bank', type=int, default=10000, help='labeled images (default: %(default)s)'
    )
    parser.add_argument(
        '--asked', type=int, default=10000, help='test images (default: %(default)s)'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/supernet_recipes'),
        help='where everything goes (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, help='where the figures go, if elsewhere')
    # what the stages call
    parser.add_argument('--stage', nargs='+', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.teacher is None and any('teacher' in name for name in args.recipes):
        parser.error('--teacher: give a ResNet-50, or --recipes without a teacher')
    return args


def config_of(args: argparse.Namespace, name: str, seed: int, iterations: int) -> Config:
    """The config of a recipe's training."""
    recipe = RECIPES[name]
    os.environ['GAIA_SSL_CIFAR10'] = str(args.data)
    if args.teacher is not None:
        os.environ['GAIA_SSL_TEACHER'] = str(args.teacher)
    config = _config_of_method(recipe.method)
    config.merge_from_dict(
        {
            'train_cfg': dict(_delete_=True, type='IterBasedTrainLoop', max_iters=iterations),
            'train_dataloader.num_workers': 0,  # processor time is then that of one process
            'train_dataloader.persistent_workers': False,
            'train_dataloader.sampler': dict(_delete_=True, type='InfiniteSampler', shuffle=True),
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': iterations,
            'randomness.seed': seed,
            **recipe.options,
        }
    )
    # the images' own size is better for every recipe than that of the configs of methods, 24
    multi_view = config.train_dataloader.dataset.pipeline[1]
    multi_view.transforms[0][0].scale = SIDE
    config.param_scheduler = [
        dict(type='CosineAnnealingLR', by_epoch=False, T_max=iterations, eta_min=0)
    ]
    if _taught_by_network(name):
        config.model.teacher = _config_of_method('distill').model.teacher
        if recipe.cached:
            config.model.teacher.cache = str(args.work_dir / 'teacher')
    return config


def _config_of_method(method: str) -> Config:
    [path] = CONFIGS.glob(f'{method}/*_tiny10to22_*_cifar10.py')
    return load_config(str(path))


def _taught_by_network(name: str) -> bool:
    return RECIPES[name].method == 'distill' or 'guide_teacher' in name


def run_training(
    args: argparse.Namespace, name: str, seed: int, iterations: int, out: Path
) -> None:
    """Train a recipe, and write its times beside the checkpoints."""
    config = config_of(args, name, seed, iterations)
    known = args.work_dir / 'teacher.json'
    cached = _taught_by_network(name) and RECIPES[name].cached and known.is_file()
    extra = json.loads(known.read_text())['setup'] if cached else 0.0
    hook = dict(type='StopwatchHook', out=str(out / 'times.json'), extra=extra)
    config.custom_hooks = [*config.get('custom_hooks', []), hook]
    prepare_config(config, name, work_dir=str(out))
    train(config, 'auto')


def iterations_of(args: argparse.Namespace, name: str) -> int:
    """As many iterations as fit into the time, by the recipe's own timing."""
    times = json.loads((args.work_dir / name / 'timing' / 'times.json').read_text())
    left = args.minutes * 60 - (times['cpu_seconds'] - TIMED * times['iteration'])
    return max(WARM + 1, int(left / times['iteration']))


def band_archs(space: SearchSpace, input_size: int) -> list[Arch]:
    """The random archs within the band, the same for all recipes of a space."""
    flops = space.costs(input_size).flops
    middle = np.median(flops)
    inside = np.flatnonzero(np.abs(flops - middle) <= BAND * middle)
    chosen = np.random.default_rng(0).choice(inside, BAND_ARCHS, replace=False)
    return [space[int(index)] for index in chosen]


@torch.inference_mode()
def judge(args: argparse.Namespace, name: str, seed: int, out: Path) -> None:
    """Write a row: the top-1 of a training's subnets by kNN and ridge, in percent."""
    recipe = RECIPES[name]
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = args.work_dir / (recipe.trained or name) / f'seed{seed}'
    times = json.loads((folder / 'times.json').read_text())
    config = config_of(args, recipe.trained or name, seed, times['iterations'])
    checkpoint = folder / f'iter_{times["iterations"]}.pth'
    supernet = load_supernet_backbone(config, str(checkpoint), recipe.weights)
    defaults = SearchDefaults.of(config)
    space = supernet.space
    archs = dict({anchor: space.anchors[anchor] for anchor in ANCHORS})
    band = band_archs(space, defaults.input_size)
    archs |= {f'band{index}': arch for index, arch in enumerate(band)}
    nets = {label: supernet.extract(arch) for label, arch in archs.items()}
    known = LabeledImageSet(str(args.data / 'train'), defaults.pipeline).subset(args.bank, 0)
    asked = LabeledImageSet(str(args.data / 'test'), defaults.pipeline).subset(args.asked, 0)
    features = PooledFeatures(config, num_workers=0)
    features.calibrate(nets, known, 2048)
    banks, queries = features(nets, known), features(nets, asked)
    labels, answers = torch.tensor(known.labels), torch.tensor(asked.labels)
    found: dict[str, dict[str, float]] = dict(knn={}, ridge={})
    for label in nets:
        pair = banks[label], queries[label]
        classes = weighted_knn(pair[1], pair[0], labels, len(known.classes))
        found['knn'][label] = _percent(classes == answers)
        scores = ridge_scores(pair[0].double(), labels, pair[1].double())
        found['ridge'][label] = _percent(scores.argmax(1) == answers)
    row = dict(recipe=name, method=recipe.method, seed=seed, cpu_seconds=times['cpu_seconds'])
    row |= dict(iterations=times['iterations'])
    write_json(out, row | {kind: _summary(values) for kind, values in found.items()})


def _percent(right: torch.Tensor) -> float:
    return round(100 * right.double().mean().item(), 2)


def _summary(values: dict[str, float]) -> dict[str, float]:
    band = [value for label, value in values.items() if label.startswith('band')]
    spread = dict(band_mean=round(fmean(band), 2), band_std=round(stdev(band), 2))
    return {anchor: values[anchor] for anchor in ANCHORS} | spread


def stages_of(args: argparse.Namespace) -> list[Stage]:
    """The teacher's cache, the timing of every recipe, its trainings, and their judgement."""
    stages = []
    taught = [name for name in args.recipes if _taught_by_network(name) and RECIPES[name].cached]
    if taught:
        stages.append(_stage(args, 'teacher', ['teacher', taught[0]], 'teacher.json'))
    trained = dict.fromkeys(RECIPES[name].trained or name for name in args.recipes)
    for name in trained:
        needs = ['teacher'] if name in taught else []
        out = f'{name}/timing/times.json'
        stages.append(_stage(args, f'{name}/timing', ['timing', name], out, needs))
    for seed in args.seeds:
        for name in trained:
            stage, out = f'{name}/seed{seed}', f'{name}/seed{seed}/times.json'
            stages.append(
                _stage(args, stage, ['training', name, str(seed)], out, [f'{name}/timing'])
            )
        for name in args.recipes:
            stage, out = f'{name}/judged{seed}', f'{name}/judged{seed}.json'
            needs = [f'{RECIPES[name].trained or name}/seed{seed}']
            stages.append(_stage(args, stage, ['judged', name, str(seed)], out, needs))
    return stages


def _stage(
    args: argparse.Namespace,
    name: str,
    words: Sequence[str],
    output: str,
    needs: Sequence[str] = (),
) -> Stage:
    command = [sys.executable, __file__, '--data', str(args.data), '--work-dir', str(args.work_dir)]
    command += ['--minutes', str(args.minutes)]
    command += ['--bank', str(args.bank), '--asked', str(args.asked)]
    command += ['--teacher', str(args.teacher)] if args.teacher else ['--recipes', words[1]]
    return Stage(
        name,
        [*command, '--stage', *words],
        [args.work_dir / output],
        needs=needs,
        env=dict(OMP_NUM_THREADS='1'),
    )


def do_stage(args: argparse.Namespace) -> None:
    """Do what one stage of the study is."""
    kind, name, *seed = args.stage
    folder = args.work_dir / name
    if kind == 'teacher':
        run_training(args, name, 0, 1, args.work_dir / 'teacher_run')
        times = json.loads((args.work_dir / 'teacher_run' / 'times.json').read_text())
        write_json(args.work_dir / 'teacher.json', times)
    elif kind == 'timing':
        run_training(args, name, 0, WARM + TIMED, folder / 'timing')
    elif kind == 'training':
        run_training(args, name, int(seed[0]), iterations_of(args, name), folder / f'seed{seed[0]}')
    else:
        judge(args, name, int(seed[0]), folder / f'judged{seed[0]}.json')


def as_markdown(result: dict[str, Any]) -> str:
    """The figures as a table: means over the seeds, and their standard deviation."""
    rows = []
    for name in dict.fromkeys(row['recipe'] for row in result['rows']):
        runs = [row for row in result['rows'] if row['recipe'] == name]
        minutes = fmean(run['cpu_seconds'] for run in runs) / 60
        cells = [name, str(len(runs)), f'{minutes:.1f}']
        for kind in ('knn', 'ridge'):
            for key in (*ANCHORS, 'band_mean', 'band_std'):
                values = [run[kind][key] for run in runs]
                spread = f' ± {stdev(values):.1f}' if len(values) > 1 and key != 'band_std' else ''
                cells.append(f'{fmean(values):.1f}{spread}')
        rows.append(cells)
    titles = [*ANCHORS, 'band', 'in band ±']
    head = [
        'recipe',
        'seeds',
        'CPU min',
        *(f'{kind} {title}' for kind in ('kNN', 'ridge') for title in titles),
    ]
    return '\n\n'.join([table(head, rows), as_line(result)]) + '\n'


def add_rows(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run, with those of an earlier one for other recipes and seeds.

    Raises:
        UserError: If the trainings of the earlier one were shorter or longer.
    """
    if before['minutes'] != after['minutes']:
        raise UserError(
            f'--json: it has trainings of {before["minutes"]:g} minutes; give --minutes '
            f'{before["minutes"]:g}, or another file'
        )
    rows = {(row['recipe'], row['seed']): row for row in (*before['rows'], *after['rows'])}
    order = list(RECIPES)
    return after | dict(
        rows=sorted(rows.values(), key=lambda row: (order.index(row['recipe']), row['seed']))
    )


def main() -> None:
    args = parse_args()
    args.work_dir, args.data = args.work_dir.absolute(), args.data.absolute()
    if args.stage:
        do_stage(args)
        return
    target = (args.json or args.work_dir / 'supernet_recipes.json').absolute()
    result = dict(rows=[], minutes=args.minutes, machine=machine(), versions=versions())
    before = json.loads(target.read_text()) if target.is_file() else result
    add_rows(before, result)  # a file that does not fit is refused before hours of trainings
    with orderly_exit('supernet_recipes'), lock(args.work_dir, '--work-dir'):
        Pipeline(stages_of(args), args.work_dir).run()
        rows = [
            json.loads((args.work_dir / name / f'judged{seed}.json').read_text())
            for name in args.recipes
            for seed in args.seeds
        ]
        result = add_rows(before, dict(result, rows=rows))
        write_json(target, result)
        text = as_markdown(result)
        with atomic_write(str(args.work_dir / 'supernet_recipes.md')) as file:
            file.write(text)
        print(text)


if __name__ == '__main__':
    run_cli(main)
