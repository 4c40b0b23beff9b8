"""Checks of annotation files and of the names of classes, before anything is built.

What is checked, by the type of a dataset or what it inherits reading files from:

- ``CustomDataset`` of mmpretrain: class folders, or the labels of its list;
- ``CocoDataset`` of mmdet: the whole file, that its images exist, sizes of some, and masks if they
  are used;
- ``XMLDataset`` of mmdet: that files exist, and the classes of some;
- ``BaseSegDataset`` of mmseg: that label maps exist, and size and values of some.

Datasets that read files in another way are left alone.
"""

import os.path as osp
from collections.abc import Callable, Iterator, Sequence

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope

from gaia_ssl.utils import UserError

from . import coco
from .class_folders import check_label_list, class_folders
from .class_names import Names, check_names
from .completed import CocoFiles
from .image_sizes import check_sizes
from .label_maps import check_label_maps
from .leaf import Leaf, find_leaves
from .voc_xml import check_voc_xml

_CHECKS: dict[str, Callable[[Leaf], None]] = dict(
    CustomDataset=check_label_list, XMLDataset=check_voc_xml, BaseSegDataset=check_label_maps
)

__all__ = ['CocoFiles', 'Names', 'check_annotations']


def check_annotations(
    config: Config, fields: Sequence[str], trained: Names | None = None
) -> CocoFiles:
    """Check the annotations of some dataloaders, and that their classes have the same names.

    Args:
        config: The config; see ``check_data``, which comes first.
        fields: The dataloaders' fields, e.g. ``'train_dataloader'``.
        trained: Names that a checkpoint was trained with.

    Returns:
        Files in COCO's format, some of which may have been completed.

    Raises:
        UserError: If a file or a name does not fit; the line names the file, and the key or field.
    """
    files = CocoFiles()
    with DefaultScope.overwrite_default_scope(config.get('default_scope')):
        leaves = {field: find_leaves(config, field) for field in fields}
        names = [
            Names(leaf.field, leaf.classes, class_folders(leaf))
            for some in leaves.values()
            for leaf in some
        ]
        check_names([trained, *names] if trained else names)
        for field, some in leaves.items():
            evaluators = list(_coco_evaluators(config, field))
            for leaf in some:
                if leaf.kind == 'CocoDataset':
                    _check_coco(leaf, evaluators, files)
                else:
                    _CHECKS[leaf.kind](leaf)
    return files


def _check_coco(leaf: Leaf, evaluators: Sequence[tuple[str, ConfigDict]], files: CocoFiles) -> None:
    dataset = leaf.dataset
    unjudged = any(evaluator.get('format_only') for _, evaluator in evaluators)
    file = files.get(dataset.ann_file, leaf.settings, unjudged)
    assert leaf.classes is not None  # its type gives COCO's
    coco.check_classes(file, leaf.classes, leaf.field)
    folder = dataset.data_prefix.get('img', '')
    coco.check_images(file, folder)
    pipeline = leaf.settings.get('pipeline') or []
    oriented = not any('ignore_orientation' in str(step.get('color_type')) for step in pipeline)
    check_sizes(file, folder, oriented)
    if not unjudged:
        coco.check_annotated(file, leaf.classes)
    if any(step.get('with_mask') for step in pipeline):
        coco.check_masks(file, leaf.classes)
    for field, evaluator in evaluators:
        if path := evaluator.get('ann_file'):
            if not osp.isfile(path):
                raise UserError(f'{field}.ann_file: {path} does not exist; set it')
            judged = files.get(path, evaluator, unjudged)
            coco.number_from_one(judged)
            if judged is not file:
                check_sizes(judged, folder, oriented)
            coco.check_classes(judged, leaf.classes, leaf.field)
            if missing := sorted(set(file.images) - set(judged.images), key=str):
                raise UserError(
                    f'{field}.ann_file: {path} lacks {len(missing)} images of {file.path}, such as '
                    f'that of "id" {missing[0]}; give the file of the dataset'
                )
            if 'segm' in evaluator.get('metric', ()):
                coco.check_masks(judged, leaf.classes)


def _coco_evaluators(config: Config, field: str) -> Iterator[tuple[str, ConfigDict]]:
    """Find the evaluators of a dataloader that read a file in COCO's format."""
    name = field.replace('dataloader', 'evaluator')
    evaluators = config.get(name) if name != field else None
    evaluators = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    for evaluator in evaluators:
        if evaluator and str(evaluator.get('type')).rpartition('.')[2] == 'CocoMetric':
            yield name, evaluator
