"""Read the scalars that MMEngine's Runner logs to ``<run>/vis_data/scalars.json``."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_runs(work_dir: Path | str) -> list[list[dict[str, Any]]]:
    """Read the logged lines of a training.

    Args:
        work_dir: The training's folder.

    Returns:
        The lines of each run, the oldest first; a training that was resumed has several. A line
        that was not finished, because its run was killed, is left out.
    """
    logs = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    return [list(_lines(log.read_text())) for log in logs]


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def read_series(work_dir: Path | str) -> dict[str, list[tuple[int, float]]]:
    """Read the course of each scalar of a training over all of its runs.

    Args:
        work_dir: The training's folder.

    Returns:
        By name, its steps in ascending order and the values at them. Where a run repeats steps of
        an earlier one, since it was resumed from before their end, the later run counts.
    """
    series: dict[str, dict[int, float]] = {}
    for run in read_runs(work_dir):
        lines = [line for line in run if 'step' in line]
        begin = min((line['step'] for line in lines), default=math.inf)
        for name, values in series.items():
            series[name] = {step: value for step, value in values.items() if step < begin}
        for line in lines:
            for name in line.keys() - {'step'}:
                series.setdefault(name, {})[line['step']] = line[name]
    return {name: sorted(values.items()) for name, values in sorted(series.items()) if values}
