"""The report of a fit: ``report.json`` and one page, ``report.html``."""

import json
import shlex
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from gaia_ssl.benchmark.figures import rounded
from gaia_ssl.benchmark.stages import Records
from gaia_ssl.search.judge import SHORT_LIST, Standing
from gaia_ssl.space.search_json import load_result
from gaia_ssl.space.units import cost_columns, cost_text
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.markdown import short_arch

from .plan import Plan
from .request import Request
from .stages import Stages

TEMPLATE = Path(__file__).with_name('report.html')
PROJECTS = {
    'classification': ('mmpretrain', 'linear'),
    'detection': ('mmdet', 'mask-rcnn'),
    'segmentation': ('mmseg', 'fcn'),
}
"""The beginning of the name of the config to finetune with, by task."""
OWN_CLASSES = 'configs/benchmarks/classification/linear_bs64-coslr-20e_folders.py'
"""The config that trains a classifier on class folders."""
COSTS = ('flops', 'params')
PICTURES = {
    'search/distance.png': 'All subnets that were scored, and the pick',
    'neighbours.png': 'Images and their nearest neighbours by the features of the pick',
    'training.png': 'The training',
    'views.png': 'Images and the views that the training saw',
}
"""Captions of the pictures, in their order."""


def make_report(request: Request, plan: Plan) -> dict[str, Any]:
    """Collect the results of a fit whose stages are all done.

    Returns:
        ``pick`` and, where there are labels, ``standings`` and ``subnets`` of ``judge.json``, else
        the ``subnets`` of the short list; ``seconds``, by stage, and as ``estimated`` the plan's;
        ``commands`` to go on with.
    """
    stages = Stages(request)
    result = load_result(str(stages.folder / 'search'))
    judged: dict[str, Any] = dict(standings=[], subnets=result['subnets'][:SHORT_LIST])
    if request.labels is not None:
        judged = json.loads((stages.folder / 'search' / 'judge.json').read_text())
    records = Records(stages.folder)
    done = {stage.name: records[stage.name] for stage in (*stages.before(), *stages.after(plan))}
    return dict(
        task=request.task,
        plan=plan.lines(),
        pick=result['subnets'][0],
        num_scored=len(result['subnets']),
        num_feasible=result['meta']['num_feasible'],
        standings=judged['standings'],
        subnets=judged['subnets'],
        seconds={name: rounded(r['end'] - r['start'], 1) for name, r in done.items()},
        estimated={name: rounded(value, 1) for name, value in plan.seconds.items()},
        commands=_commands(request, stages),
        machine=machine(),
        versions=versions(),
    )


def write_report(request: Request, plan: Plan) -> str:
    """Write both files.

    Returns:
        What is said at the end.
    """
    report = make_report(request, plan)
    folder = Path(request.work_dir)
    write_json(folder / 'report.json', report)
    with atomic_write(str(folder / 'report.html')) as file:
        file.write(as_page(report, folder))
    lines = [f'the pick: {_costs(report["pick"])}, {report["pick"]["arch"]}']
    lines += [Standing(**standing).line() for standing in report['standings']]
    return '\n'.join([*lines, *report['commands'], f'all of it: {folder / "report.html"}'])


def as_page(report: dict[str, Any], folder: Path) -> str:
    """The report as a page that needs no network; pictures lie beside it."""
    judges = [standing['judge'] for standing in report['standings']]
    units, costs = cost_columns(report['subnets'], COSTS)
    rows = [
        [
            ', '.join(row.get('roles', [f'rank {rank}'])),
            *(f'{row["judges"][judge]:.1f}' for judge in judges),
            f'{row["distance"]:.4g}',
            *cells,
            short_arch(row['arch']),
        ]
        for rank, (row, cells) in enumerate(zip(report['subnets'], costs, strict=True), 1)
    ]
    titles = ['', *judges, 'distance', *units, 'arch']
    seconds = [
        [name, f'{value:.0f}', f'{report["estimated"].get(name, value):.0f}']
        for name, value in report['seconds'].items()
    ]
    sentences = [Standing(**standing).line() for standing in report['standings']]
    return Template(TEMPLATE.read_text(encoding='utf-8')).substitute(
        title=escape(f'A backbone for {report["task"]}'),
        pick=escape(f'{_costs(report["pick"])}: {short_arch(report["pick"]["arch"])}'),
        scored=f'{report["num_scored"]:,} of {report["num_feasible"]:,}',
        pages=', <a href="search/judged/search.html">those that were judged</a>' if judges else '',
        sentences=''.join(f'<p>{escape(text)}</p>' for text in sentences),
        commands=escape('\n'.join(report['commands'])),
        judged=_table(titles, rows),
        plan=escape('\n'.join(report['plan'])),
        seconds=_table(['stage', 'seconds', 'estimated'], seconds),
        pictures=''.join(
            f'<figure><img src="{name}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
            for name, caption in PICTURES.items()
            if (folder / name).is_file()
        ),
        machine=escape(as_line(report)),
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = ''.join(f'<th>{escape(title)}</th>' for title in titles)
    body = ''.join(
        f'<tr>{"".join(f"<td>{escape(cell)}</td>" for cell in row)}</tr>' for row in rows
    )
    return f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _costs(row: dict[str, Any]) -> str:
    return ', '.join(cost_text(cost, row[cost]) for cost in COSTS)


def _commands(request: Request, stages: Stages) -> list[str]:
    """Commands to go on with: finetuning, and the pick of another budget."""
    train = ['python', 'tools/benchmarks/downstream.py', 'train']
    if request.task == 'classification' and request.labels is not None:
        images = f'GAIA_SSL_IMAGES={shlex.quote(request.labels)} '
        finetune = [images + _line(*train, OWN_CLASSES, '--subnet', stages.subnet)]
    else:
        project, beginning = PROJECTS[request.task]
        # none where it does not suit the subnet's family
        configs = sorted(stages.subnet.glob(f'{project}_{beginning}*.py'))[:1]
        finetune = [_line(*train, config) for config in configs]
    extract = ['python', 'tools/extract.py', stages.config, stages.checkpoint]
    extract += ['--from', stages.folder / 'search', '--rank', 2]
    extract += ['--out', stages.folder / 'second', '--calibrate', request.images]
    return [*finetune, _line(*extract)]


def _line(*words: Any) -> str:
    """Words as a line of the shell."""
    return shlex.join(map(str, words))
