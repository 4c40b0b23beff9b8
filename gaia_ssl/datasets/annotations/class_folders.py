"""Check class folders and lists of labeled images before a classification training."""

from gaia_ssl.datasets.lists import read_list
from gaia_ssl.utils import UserError

from .leaf import Leaf


def class_folders(leaf: Leaf) -> tuple[str, ...] | None:
    """Find the class folders of a dataset, in the order of their labels.

    Args:
        leaf: The dataset.

    Returns:
        Their names; None if the labels are in a list, or in files of another kind.
    """
    if leaf.kind != 'CustomDataset' or leaf.dataset.ann_file or not leaf.dataset.with_label:
        return None
    from mmpretrain.datasets.custom import find_folders  # what the dataset itself calls

    return tuple(find_folders(leaf.dataset.img_prefix)[0])


def check_label_list(leaf: Leaf) -> None:
    """Check that each line of a list ends in a label, which is the position of a class.

    Args:
        leaf: The dataset.

    Raises:
        UserError: If a line has no label, or one that no class has; the line names file and line.
    """
    path = leaf.dataset.ann_file
    if not (path and leaf.dataset.with_label):
        return
    number = len(leaf.classes) if leaf.classes else None
    known = 'labels' if number is None else f'{number} classes'
    for line in read_list(path, 'ann_file', labels=True):
        label = line.label or 0
        if label < 0 or number is not None and label >= number:
            raise UserError(
                f'{line.place}: the label is {label}, but {leaf.field} has {known}, numbered from '
                '0; mend either'
            )
