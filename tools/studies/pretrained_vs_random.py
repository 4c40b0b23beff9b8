"""Compare finetuning from pretrained and random weights: same subnets, several seeds.

Usage: python tools/studies/pretrained_vs_random.py WORK_DIR

Trains the subnets that a quickstart extracted to ``WORK_DIR`` on its three tasks with the
projects' own train scripts, as many side by side as there are cores. A seed decides the order of
the data, the initial heads and, without pretraining, the initial backbone; the two arms share all
that they can. Writes ``WORK_DIR/pretrained_vs_random.{json,md}``. A training that is done is not
repeated: run the same command again to resume a stopped comparison.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gaia_ssl.benchmark.pipeline import Pipeline, orderly_exit
from gaia_ssl.benchmark.quickstart.plan import ARMS, SHORT, TASKS, Plan, make_plan
from gaia_ssl.benchmark.quickstart.report import FIGURES, number
from gaia_ssl.benchmark.stages import Records, Stage, StageError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.lock import lock
from gaia_ssl.utils.markdown import short_arch, table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'work_dir',
        type=Path,
        nargs='?',
        default=Path('work_dirs/quickstart'),
        help='work dir of a quickstart (default: %(default)s)',
    )
    parser.add_argument('--seeds', type=int, default=3, help='how many (default: %(default)s)')
    args = parser.parse_args()
    if args.seeds < 1:
        parser.error(f'--seeds must be at least 1, got {args.seeds}')
    return args


def load_plan(work_dir: Path) -> tuple[Plan, dict[str, dict[str, Any]]]:
    """The plan of a quickstart, and the short budget of each task.

    Raises:
        StageError: If the folder is not that of a quickstart.
    """
    path = work_dir / 'settings.json'
    if not path.is_file():
        raise StageError(
            f'{work_dir} is not the work dir of a quickstart; run tools/quickstart.sh first'
        )
    settings = json.loads(path.read_text())
    plan = make_plan(work_dir, **settings)
    return plan, plan.budget.finetune if settings['smoke'] else SHORT


def prefix_of(seed: int) -> str:
    """The prefix of the names of a seed's stages."""
    return f'seed{seed}/'


def trainings(plan: Plan, budget: dict[str, dict[str, Any]], seeds: Sequence[int]) -> list[Stage]:
    """The stages of the comparison, after the subnets are extracted.

    Args:
        plan: The quickstart.
        budget: Settings of each task's config to override.
        seeds: The seeds.
    """
    stages = []
    for seed in seeds:
        prefix = prefix_of(seed)
        stages += [plan.randomise(kind, seed, prefix) for kind in plan.images]
        for task in TASKS:
            settings = {**budget[task], 'randomness.seed': seed}
            stages += [plan.finetune(task, arm, settings, prefix) for arm in ARMS]
    return stages


def gather(plan: Plan, seeds: Sequence[int]) -> dict[str, Any]:
    """Every figure.

    Args:
        plan: The quickstart, its comparison done.
        seeds: The seeds.

    Returns:
        By task and figure: each arm's values, one per seed; the ``mean`` of each; and by how much
        the ``pretrained_is_better`` on average. None where a value is undefined.
    """
    records = Records(plan.work_dir)
    gathered = {task: {} for task in TASKS}
    for task, figure, _ in FIGURES:
        values = {
            arm: [records[f'{prefix_of(s)}{task}_{arm}']['result'][figure] for s in seeds]
            for arm in ARMS
        }
        mean = {arm: None if None in v else statistics.fmean(v) for arm, v in values.items()}
        better = None if None in mean.values() else mean['pretrained'] - mean['random']
        gathered[task][figure] = dict(values, mean=mean, pretrained_is_better=better)
    return gathered


def as_markdown(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    rows = []
    for task, figure, name in FIGURES:
        found = result['figures'][task][figure]
        means = [*(found['mean'][arm] for arm in ARMS), found['pretrained_is_better']]
        rows.append(
            [name, *(number(value) for arm in ARMS for value in found[arm]), *map(number, means)]
        )
    seeds = [f'{arm}, seed {seed}' for arm in ARMS for seed in result['seeds']]
    budgets = [
        f'{task}: {", ".join(f"{key}={value}" for key, value in settings.items())}'
        for task, settings in result['budget'].items()
    ]
    archs = [f'{kind} {short_arch(best["arch"])}' for kind, best in result['subnets'].items()]
    paragraphs = [
        '# Pretrained against random weights',
        f'The same subnets ({"; ".join(archs)}), trained the same way. Accuracies are shares of 1.',
        table(['', *seeds, 'mean pretrained', 'mean random', 'difference'], rows),
        '\n'.join(['Budgets, over those of `configs/quickstart/`:', *(f'- {b}' for b in budgets)]),
        as_line(result),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def main() -> None:
    args = parse_args()
    work_dir, seeds = args.work_dir.absolute(), list(range(args.seeds))
    with orderly_exit('pretrained_vs_random'):
        plan, budget = load_plan(work_dir)
        with lock(work_dir):
            Pipeline([*plan.subnets(), *trainings(plan, budget, seeds)], work_dir).run()
            result = dict(
                data=plan.data,
                subnets={kind: plan.best(kind) for kind in plan.images},
                budget=budget,
                seeds=seeds,
                figures=gather(plan, seeds),
                machine=machine(),
                versions=versions(),
            )
            text = as_markdown(result)
            write_json(work_dir / 'pretrained_vs_random.json', result)
            with atomic_write(str(work_dir / 'pretrained_vs_random.md')) as file:
                file.write(text)
            print(text)


if __name__ == '__main__':
    run_cli(main)
