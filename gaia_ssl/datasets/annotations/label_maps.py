"""Check label maps, a class per pixel, of semantic segmentation datasets."""

import os.path as osp
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.fileio import list_dir_or_file
from mmengine.registry import TRANSFORMS
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.utils.errors import building

from .image_sizes import read_size
from .leaf import Leaf
from .lists import read_list

OPENED = 32
"""Label maps of a dataset that are opened, at equal distances in its order."""


def check_label_maps(leaf: Leaf) -> None:
    """Check that images have label maps of their size, with values that are classes.

    All files are looked for. ``OPENED`` of the maps are read as in training.

    Args:
        leaf: The dataset.

    Raises:
        UserError: If there are no images, or maps are missing or do not fit; the line names the
            file.
    """
    with building(leaf.field):
        items = leaf.dataset.load_data_list()
    _check_suffixes(leaf, len(items))
    if 'seg_map_path' not in items[0]:
        return
    if missing := [item for item in items if not osp.isfile(item['seg_map_path'])]:
        raise UserError(
            f'{leaf.field}: {len(missing)} of {len(items)} images have no label map, such as '
            f'{missing[0]["seg_map_path"]}; add it, or set data_prefix.seg_map_path or '
            'seg_map_suffix'
        )
    if loader := _loader(leaf):
        chosen = np.linspace(0, len(items) - 1, min(len(items), OPENED)).astype(int)
        for index in chosen:
            _check_map(leaf, loader, items[index])


def _check_suffixes(leaf: Leaf, number: int) -> None:
    dataset = leaf.dataset
    if dataset.ann_file and osp.isfile(dataset.ann_file):
        read_list(dataset.ann_file)
        return
    folder, suffix = dataset.data_prefix.get('img_path'), dataset.img_suffix
    found = Counter(osp.splitext(name)[1] for name in list_dir_or_file(folder, recursive=True))
    if not number:
        ends = ', '.join(end or 'no suffix' for end, _ in found.most_common(3)) or 'nothing'
        raise UserError(
            f'{leaf.field}.img_suffix: no file below {folder} ends in {suffix}; they end in '
            f'{ends} (upper and lower case differ)'
        )
    for end, others in found.items():
        if end != suffix and end.lower() == suffix.lower():
            raise UserError(
                f'{leaf.field}.img_suffix: {others} files below {folder} end in {end} and are not '
                f'read beside those in {suffix}; rename them'
            )


def _loader(leaf: Leaf) -> Any | None:
    """Build the transform that reads a label map, if it is MMSegmentation's own."""
    for settings in leaf.settings.get('pipeline') or []:
        if settings.get('type') in ('LoadAnnotations', 'mmseg.LoadAnnotations'):
            with building(f'{leaf.field}.pipeline'):
                return TRANSFORMS.build(settings)
    return None


def _check_map(leaf: Leaf, loader: Any, item: Mapping[str, Any]) -> None:
    path = item['seg_map_path']
    try:
        with Image.open(path) as stored:
            mode = stored.mode
            wide = mode.startswith('I') and np.asarray(stored).max(initial=0) > 255
        with building(f'{leaf.field}.pipeline'):
            labels = loader({**item, 'seg_fields': []})['gt_seg_map']
    except OSError as error:
        raise UserError(f'label map: {path} cannot be read ({error}); write it again') from error
    if labels.ndim != 2:
        raise UserError(
            f'label map: {path} has several channels ({mode}); write one channel whose values are '
            'classes'
        )
    if wide:
        raise UserError(
            f'label map: {path} has values above 255, which are cut to 8 bits; write 8 bits'
        )
    size = read_size(item['img_path'])
    if size and labels.shape != size:
        raise UserError(
            f'label map: {path} is {labels.shape[1]} x {labels.shape[0]}, but its image is '
            f'{size[1]} x {size[0]}; mend either'
        )
    _check_values(leaf, labels, path)


def _check_values(leaf: Leaf, labels: np.ndarray, path: str) -> None:
    if leaf.classes is None:
        return
    shift = int(leaf.dataset.reduce_zero_label)
    ignored = {255, leaf.dataset.ignore_index}
    last = len(leaf.classes) - 1
    if wrong := [v for v in map(int, np.unique(labels)) if v > last and v not in ignored]:
        unlabeled = '0 and 255 are' if shift else '255 is'
        raise UserError(
            f'label map: {path} has the value {wrong[0] + shift}, but {leaf.field} has '
            f'{last + 1} classes: values are {shift} to {last + shift}, and {unlabeled} unlabeled; '
            'mend the map or metainfo.classes'
        )
