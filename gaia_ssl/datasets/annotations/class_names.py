"""Compare the names of classes that several datasets give to their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from gaia_ssl.utils import UserError

SHOWN = 5
"""Names that a message lists before it ends with their number."""


@dataclass(frozen=True)
class Names:
    """The names of a dataset's classes, in the order of their labels.

    Attributes:
        field: Where they are from: a dataset's field, or a checkpoint.
        classes: Names that the settings give, or the type of the dataset.
        folders: Names of the class folders, if there are no lists of labels.
    """

    field: str
    classes: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None


def check_names(names: Sequence[Names]) -> None:
    """Check that a label has one name in all datasets.

    Settings are compared with settings and folders with folders. Settings may give other names than
    folders do, such as words for ImageNet's synsets; if they share a name they must share all.

    Args:
        names: Those of each dataset; the first, of the training, are what others are compared with.

    Raises:
        UserError: If names differ, or their order.
    """
    for one in names:
        _check_shared(one, one)
    for other in names[1:]:
        first = names[0]
        if first.classes and other.classes and first.classes != other.classes:
            raise UserError(
                f'{other.field}: its classes, compared with those of {first.field}, '
                f'{difference(other.classes, first.classes)}; give both the same metainfo.classes'
            )
        if first.folders and other.folders:
            _check_folders(other, first)
        elif not (first.classes and other.classes):
            _check_shared(other, first)
            _check_shared(first, other)


def difference(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Describe how names differ from other names, e.g. ``"lack 'cat' and have 'cta'"``."""
    lacking = [name for name in wanted if name not in set(names)]
    more = [name for name in names if name not in set(wanted)]
    if not lacking and not more:
        return 'are in another order'
    parts = [('lack', lacking), ('have', more)]
    return ' and '.join(f'{verb} {listed(some)}' for verb, some in parts if some)


def listed(names: Sequence[str]) -> str:
    """Names in quotes; of many, the first and their number."""
    text = ', '.join(map(repr, names[:SHOWN]))
    return text if len(names) <= SHOWN else f'{text}, ... ({len(names)} names)'


def _check_folders(other: Names, first: Names) -> None:
    assert first.folders and other.folders
    if first.folders != other.folders:
        raise UserError(
            f'{other.field}: its class folders, compared with those of {first.field}, '
            f'{difference(other.folders, first.folders)}; a label is the position of a folder, so '
            'give both the same folders (a folder may be empty)'
        )


def _check_shared(folders: Names, classes: Names) -> None:
    """Compare the folders of one dataset with the settings of another, if they share a name."""
    if not (folders.folders and classes.classes) or not set(folders.folders) & set(classes.classes):
        return
    if folders.folders != classes.classes:
        raise UserError(
            f'{folders.field}: its class folders, compared with the classes of {classes.field}, '
            f'{difference(folders.folders, classes.classes)}; a label is the position of a folder '
            'in sorted order, so give both the same names in that order'
        )
