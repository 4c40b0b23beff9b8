"""Downstream tasks: configs of configs/benchmarks/ by name, and a user's configs by path."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmengine import fileio

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.engine.downstream import load_downstream_config
from gaia_ssl.utils import UserError
from gaia_ssl.utils.paths import CONFIGS

from .metrics import Metric, declared_metrics, metrics_of


class Task(NamedTuple):
    """A downstream task.

    Attributes:
        name: Its name in runs, results and tables.
        config: Its config.
        metrics: The metrics of its evaluators by name.
        weights: The settings of the config that load the subnet's weights.
    """

    name: str
    config: Path
    metrics: dict[str, Metric]
    weights: tuple[str, ...]


def known_tasks() -> dict[str, Path]:
    """The configs of configs/benchmarks/ by the names and aliases in the metafiles there."""
    found = {}
    for metafile in sorted(CONFIGS.glob('benchmarks/*/metafile.yml')):
        for model in fileio.load(metafile)['Models']:
            for name in (model['Name'], *model.get('Alias', ())):
                found[name] = CONFIGS.parent / model['Config']
    return found


def load_task(name: str, subnet: Path) -> Task:
    """Look a task up and read its config.

    Args:
        name: A name of ``known_tasks``, or the path of a config.
        subnet: An extracted folder that can size its model.

    Raises:
        UserError: If there is no such task, its config cannot be loaded or has a backbone of its
            own, or its metrics are unknown.
    """
    known, path = known_tasks(), Path(name)
    if path.suffix == '.py':
        name = path.stem
    elif name in known:
        path = known[name]
    else:
        close = ', '.join(difflib.get_close_matches(name, known) or sorted(known))
        raise UserError(f"--tasks: {name} is unknown; give a config's path, or one of {close}")
    config = load_downstream_config(str(path), str(subnet))
    evaluators = config.get('test_evaluator') or []
    evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
    metrics = declared_metrics(config) or metrics_of(evaluators)
    if not metrics:
        raise UserError(
            f'test_evaluator: the metrics of {path} are unknown; declare them in the config: '
            "reported_metrics = dict(NAME=dict(key='KEY IN THE LOG', scale=1))"
        )
    weights = tuple(_loads(config.get('model', {}), str(subnet / WEIGHTS_FILE), 'model'))
    return Task(name, path.absolute(), metrics, weights)


def _loads(part: Any, checkpoint: str, key: str) -> Iterator[str]:
    """The keys of the settings that load a checkpoint."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == 'init_cfg' and isinstance(value, dict):
                if value.get('checkpoint') == checkpoint:
                    yield f'{key}.{name}'
            else:
                yield from _loads(value, checkpoint, f'{key}.{name}')
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _loads(value, checkpoint, f'{key}.{index}')
