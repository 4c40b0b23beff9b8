"""Checks of the data files that a config names."""

import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config, ConfigDict

from gaia_ssl.utils import UserError
from gaia_ssl.utils.errors import is_bug


def check_data(config: Config, field: str) -> None:
    """Check that the data of a dataloader exist, for a clearer error than the dataset's own.

    Args:
        config: The config.
        field: The dataloader's field, e.g. ``'train_dataloader'``.

    Raises:
        UserError: If the config lacks the dataloader or its dataset, or data are missing.
    """
    if 'dataset' not in (config.get(field) or {}):
        raise UserError(f'config: {config.filename} has no {field}.dataset')
    for name, dataset in leaf_datasets(config[field].dataset, f'{field}.dataset'):
        prefixes = _prefixes(dataset)
        _check_texts(
            name, {**{key: dataset.get(key) for key in ('data_root', 'ann_file')}, **prefixes}
        )
        root, annotations = dataset.get('data_root') or '', dataset.get('ann_file') or ''
        if root and not osp.isdir(root):
            raise UserError(f'{name}.data_root: {root} does not exist; set it')
        for key, prefix in prefixes.items():
            folder = osp.join(root, prefix or '')
            if not folder and annotations:  # whose paths are whole
                continue
            if not osp.isdir(folder):
                found = f'{folder} does not exist' if folder else 'not given, nor data_root'
                raise UserError(f'{name}.{key}: {found}; set it')
            if not annotations and not _has_files(folder):
                raise UserError(f'{name}.{key}: there are no images in {folder}')
        if annotations and not osp.isfile(osp.join(root, annotations)):
            raise UserError(
                f'{name}.ann_file: {osp.join(root, annotations)} does not exist; set it'
            )


def _prefixes(dataset: ConfigDict) -> dict[str, Any]:
    """The folders of a dataset's files, by their fields."""
    prefixes = dataset.get('data_prefix')
    if not isinstance(prefixes, dict):
        return dict(data_prefix=prefixes)
    return {f'data_prefix.{key}': value for key, value in prefixes.items()}


def _check_texts(name: str, fields: dict[str, Any]) -> None:
    for key, value in fields.items():
        if value is not None and not isinstance(value, str):
            raise UserError(
                f'{name}.{key}: {value!r} is not a path; set it to a text, on a command line in '
                f'quotes: {key}="\'{value}\'"'
            )


@contextmanager
def naming_dataset_errors(field: str) -> Iterator[None]:
    """Re-raise errors of a dataset's construction with the config field of its dataloader."""
    try:
        yield
    except (AssertionError, RuntimeError) as error:
        if is_bug(error) or not str(error):
            raise
        raise UserError(f'{field}.dataset: {error}') from error


def leaf_datasets(dataset: ConfigDict, name: str) -> Iterator[tuple[str, ConfigDict]]:
    """Find the datasets inside wrappers such as ``ConcatDataset``.

    Args:
        dataset: Settings of a dataset or a wrapper.
        name: Their field in the config.

    Yields:
        The field and the settings of each.
    """
    if nested := dataset.get('datasets'):
        for index, inner in enumerate(nested):
            yield from leaf_datasets(inner, f'{name}.datasets.{index}')
    elif 'dataset' in dataset:
        yield from leaf_datasets(dataset.dataset, f'{name}.dataset')
    else:
        yield name, dataset


def _has_files(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder, followlinks=True))
