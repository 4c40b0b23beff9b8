"""The classes and the splits of a folder of class folders, for configs of classifiers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VAL_EVERY = 5
"""Every fifth image of a folder that is not divided is for validation."""


@dataclass(frozen=True)
class ClassFolders:
    """Class folders below ``train`` and ``test`` (or ``val``), or not divided.

    Args:
        classes: Their names, sorted, which is the order of mmpretrain's ``CustomDataset``.
        train: Options of its training set.
        val: Options of its validation set.

    Example:
        >>> folders = ClassFolders.of('data/flowers')
        >>> dataset = dict(type='CustomDataset', data_root='data/flowers', **folders.train)
    """

    classes: list[str]
    train: dict[str, Any] = field(default_factory=lambda: dict(data_prefix='train'))
    val: dict[str, Any] = field(default_factory=lambda: dict(data_prefix='test'))

    @classmethod
    def of(cls, root: str, assumed: int = 10) -> 'ClassFolders':
        """The class folders of a folder.

        Args:
            root: The folder.
            assumed: The number of classes while it does not exist, so that a config can be read
                before its data are there. Defaults to 10.
        """
        folder = Path(root)
        if not folder.is_dir():
            return cls([f'class {k}' for k in range(assumed)])
        if (folder / 'train').is_dir():
            val = 'test' if (folder / 'test').is_dir() else 'val'
            return cls(_names(folder / 'train'), val=dict(data_prefix=val))
        from mmpretrain.datasets import CustomDataset  # which other configs need not import

        number = len(CustomDataset(data_root=root))
        parts: tuple[list[int], list[int]] = ([], [])
        for index in range(number):
            parts[index % VAL_EVERY == 0].append(index)
        return cls(_names(folder), *(dict(indices=part) for part in parts))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())
