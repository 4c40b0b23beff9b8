"""Labels of classification: class folders, or a list of images with labels."""

from gaia_ssl.utils import UserError

from .leaf import Leaf
from .lists import read_list


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
    for position, line in enumerate(read_list(path), 1):
        label = line.strip().rpartition(' ')[2]
        if not (' ' in line.strip() and label.isdecimal()):
            raise UserError(
                f'ann_file: {path}, line {position}, {line[:80]!r}, is not a path and a label; '
                'give both, separated by a blank'
            )
        if number is not None and int(label) >= number:
            raise UserError(
                f'ann_file: {path}, line {position}: the label is {label}, but {leaf.field} has '
                f'{number} classes, numbered from 0; mend either'
            )
