"""Unwrap nested datasets, such as ConcatDataset, down to those whose annotations are checked."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DATASETS

from gaia_ssl.utils import UserError
from gaia_ssl.utils.errors import building

from ..check import leaf_datasets

KINDS = ('CustomDataset', 'CocoDataset', 'XMLDataset', 'BaseSegDataset')
PROJECTS = ('mmpretrain', 'mmdet', 'mmseg')
# files give the names of classes
_NAMED = ('CocoDataset', 'XMLDataset')
_READING = ('load_data_list', 'parse_data_info')


@dataclass
class Leaf:
    """A dataset that reads its files as one of ``KINDS`` does.

    Attributes:
        kind: One of ``KINDS``.
        field: Its field in the config, e.g. ``'train_dataloader.dataset'``.
        settings: Its settings.
        dataset: The dataset, which has not read its files.
        classes: Names of its classes, if its settings or its type give them.
    """

    kind: str
    field: str
    settings: ConfigDict
    dataset: Any
    classes: tuple[str, ...] | None


def find_leaves(config: Config, field: str) -> list[Leaf]:
    """Find the datasets of a dataloader, inside wrappers too, that read files of a known kind.

    Types are looked up in the current default scope.

    Args:
        config: The config.
        field: The dataloader's field, e.g. ``'train_dataloader'``.

    Raises:
        UserError: If the settings of a dataset or the names of its classes do not fit.
    """
    leaves = []
    for name, settings in leaf_datasets(config[field].dataset, f'{field}.dataset'):
        if kind := _kind(settings.get('type')):
            with building(name):
                dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
            leaves.append(Leaf(kind, name, settings, dataset, _classes(kind, dataset, name)))
    return leaves


def _kind(name: Any) -> str | None:
    """Find the kind of a type of datasets; None if it reads files in a way of its own."""
    with DATASETS.switch_scope_and_registry(None) as registry:
        cls = registry.get(name) if isinstance(name, str) else name
    for base in getattr(cls, '__mro__', ()):
        if base.__name__ in KINDS and base.__module__.partition('.')[0] in PROJECTS:
            same = all(getattr(cls, m, None) is getattr(base, m, None) for m in _READING)
            return base.__name__ if same else None
    return None


def _classes(kind: str, dataset: Any, field: str) -> tuple[str, ...] | None:
    classes = dataset.metainfo.get('classes')
    if isinstance(classes, str):
        raise UserError(
            f'{field}.metainfo.classes: {classes!r} is one string; give a tuple of names, such as '
            f'({classes!r},), or a file with one name per line'
        )
    if classes is None:
        return None
    # elsewhere labels are numbers; ImageNet has two cranes
    if kind in _NAMED and (twice := [n for n, k in Counter(classes).items() if k > 1]):
        raise UserError(f'{field}.metainfo.classes: {twice[0]!r} is there twice; leave one out')
    return tuple(classes)
