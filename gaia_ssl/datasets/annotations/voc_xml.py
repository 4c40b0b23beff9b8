"""Check annotation files in Pascal VOC's XML format, one per image."""

import os.path as osp
from difflib import get_close_matches
from xml.etree import ElementTree

import numpy as np

from gaia_ssl.utils import UserError

from .class_names import listed
from .leaf import Leaf
from .lists import read_list

OPENED = 256
"""Files of a dataset that are opened, at equal distances in its list."""

ALIKE = 0.8
"""Likeness, by ``difflib``, from which a name is taken for another, mistyped."""


def check_voc_xml(leaf: Leaf) -> None:
    """Check that listed files exist and that classes are spelt as their objects.

    All files are looked for; ``OPENED`` of them are read. Objects of other classes are left out by
    MMDetection without a word, so a class that no object has is an error if objects have a similar
    name or none of the classes.

    Args:
        leaf: The dataset.

    Raises:
        UserError: If a file is missing or is not XML, or the classes are not those of the objects.
    """
    dataset = leaf.dataset
    folder = osp.join(dataset.sub_data_root, dataset.ann_subdir)
    paths = [osp.join(folder, f'{name}.xml') for name in read_list(dataset.ann_file)]
    if missing := [path for path in paths if not osp.isfile(path)]:
        raise UserError(
            f'ann_file: {len(missing)} of the {len(paths)} files that {dataset.ann_file} lists '
            f'do not exist, such as {missing[0]}; set {leaf.field}.data_prefix'
        )
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), OPENED)).astype(int)
    found = {name for index in chosen for name in _objects(paths[index])}
    classes = leaf.classes or ()
    others = sorted(found - set(classes))
    # a class may be rare, and others may be left out: what is left is taken for a slip of the pen
    for name in sorted(set(classes) - found):
        if not found & set(classes) and others or get_close_matches(name, others, cutoff=ALIKE):
            raise UserError(
                f'{leaf.field}.metainfo.classes: no object in {folder} is {name!r}; those that are '
                f'not among the classes are {listed(others)}; give the same names'
            )


def _objects(path: str) -> list[str]:
    try:
        return [name.text or '' for name in ElementTree.parse(path).iterfind('object/name')]
    except ElementTree.ParseError as error:
        raise UserError(f'ann_file: {path} is not XML ({error}); write it again') from error
