"""Tables of the results of runs, as JSON, CSV and Markdown."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gaia_ssl.space.units import Unit, unit_of
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.markdown import table

from .runs import Run


def collect(runs: Sequence[Run], failures: Mapping[str, str]) -> dict[str, Any]:
    """Collect the results of the runs.

    Args:
        runs: The runs.
        failures: Why stages failed, by their names.

    Returns:
        What ``table.json`` holds: facts of the ``arms``, configs of the ``tasks``, and per run its
        ``status`` (``'done'``, ``'failed'`` or ``'unfinished'``), its ``figures`` as shares of one,
        and why it ``failed``.
    """
    rows = []
    for run in runs:
        reasons = [failures[s.name] for s in run.stages() if s.name in failures]
        done = run.is_done()
        rows.append(
            dict(
                task=run.task.name,
                arm=run.arm.name,
                status='done' if done else 'failed' if reasons else 'unfinished',
                figures=run.figures() if done else {},
                failed=None if done else next(iter(reasons), None),
                folder=str(run.folder),
            )
        )
    return dict(
        arms={run.arm.name: run.arm.facts() for run in runs},
        tasks={
            run.task.name: dict(config=str(run.task.config), figures=[*run.task.metrics])
            for run in runs
        },
        runs=rows,
        machine=machine(),
        versions=versions(),
    )


def as_markdown(result: dict[str, Any]) -> str:
    """A Markdown table with one row per arm and one column per metric, in percent."""
    columns = [(task, f) for task, about in result['tasks'].items() for f in about['figures']]
    by_name = {(row['task'], row['arm']): row for row in result['runs']}
    units = {
        cost: unit_of(cost, max(facts[cost] or 0 for facts in result['arms'].values()))
        for cost in ('flops', 'params')
    }
    rows = []
    for arm, facts in result['arms'].items():
        cells = [_cell(by_name[task, arm], figure) for task, figure in columns]
        costs = [_count(facts[cost], unit) for cost, unit in units.items()]
        rows.append([arm, *costs, *cells])
    names = [unit.name.strip() for unit in units.values()]
    head = ['', f'backbone {names[0]}', *names[1:], *(f'{task} {f}' for task, f in columns)]
    sizes = sorted({str(facts['input_size']) for facts in result['arms'].values()})
    failed = [
        f'- {row["task"]}/{row["arm"]}: {row["failed"]}' for row in result['runs'] if row['failed']
    ]
    paragraphs = [
        '# Downstream benchmarks',
        f'Figures in percent; multiply-adds at {" or ".join(sizes)} px.',
        table(head, rows),
        *(['\n'.join(['Failed:', '', *failed])] if failed else []),
        as_line(result),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def as_csv(result: dict[str, Any]) -> str:
    """A CSV table with one row per metric, as a share of one; a run without metrics has one row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['task', 'arm', 'flops', 'params', 'status', 'figure', 'value'])
    for row in result['runs']:
        facts = result['arms'][row['arm']]
        about = [row['task'], row['arm'], facts['flops'], facts['params'], row['status']]
        for figure, value in (row['figures'] or {'': None}).items():
            writer.writerow([*about, figure, value])
    return text.getvalue()


def write_table(result: dict[str, Any], work_dir: Path) -> str:
    """Write ``table.json``, ``table.csv`` and ``table.md``; return the text of the last."""
    write_json(work_dir / 'table.json', result)
    texts = {'table.csv': as_csv(result), 'table.md': as_markdown(result)}
    for name, text in texts.items():
        with atomic_write(str(work_dir / name)) as file:
            file.write(text)
    return texts['table.md']


def _cell(row: dict[str, Any], figure: str) -> str:
    if row['status'] != 'done':
        return row['status']
    value = row['figures'][figure]
    return '' if value is None else f'{100 * value:.1f}'


def _count(value: int | None, unit: Unit) -> str:
    return '' if value is None else f'{value / unit.scale:.2f}'
