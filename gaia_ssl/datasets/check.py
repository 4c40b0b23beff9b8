"""Checks of the data files that a config names."""

import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config, ConfigDict

from gaia_ssl.utils import UserError


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
    for _, dataset in leaf_datasets(config[field].dataset, field):
        _check_texts(dataset, field)
        root = dataset.get('data_root') or ''
        prefixes = dataset.get('data_prefix') or ''
        prefixes = prefixes.values() if isinstance(prefixes, dict) else [prefixes]
        folders = [osp.join(root, prefix or '') for prefix in prefixes]
        annotations = dataset.get('ann_file')
        if root and not osp.isdir(root):
            raise UserError(f'data_root: {root} does not exist; set {field}.dataset')
        for folder in folders:
            if not osp.isdir(folder):
                raise UserError(f'data_prefix: {folder} does not exist; set {field}.dataset')
            if not annotations and not _has_files(folder):
                raise UserError(f'data_prefix: there are no images in {folder}')
        if annotations and not osp.isfile(osp.join(root, annotations)):
            raise UserError(f'ann_file: {osp.join(root, annotations)} does not exist')


def _check_texts(dataset: ConfigDict, field: str) -> None:
    prefixes = dataset.get('data_prefix')
    named = (
        {f'data_prefix.{key}': value for key, value in prefixes.items()}
        if isinstance(prefixes, dict)
        else dict(data_prefix=prefixes)
    )
    named.update({name: dataset.get(name) for name in ('data_root', 'ann_file')})
    for name, value in named.items():
        if value is not None and not isinstance(value, str):
            raise UserError(
                f'{name}: {value!r} is not a path; set {field}.dataset.{name} to a text, on a '
                f'command line in quotes: {name}="\'{value}\'"'
            )


@contextmanager
def naming_dataset_errors(field: str) -> Iterator[None]:
    """Re-raise errors of a dataset's construction with the config field of its dataloader."""
    try:
        yield
    except (AssertionError, RuntimeError) as error:
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
