"""Check annotation files in COCO's format."""

import json
import os
import os.path as osp
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from gaia_ssl.utils import UserError

from .class_names import difference, listed

BOM = b'\xef\xbb\xbf'
# without "annotations" a file is one for predictions alone, as that of COCO's test-dev
_LISTS = {
    'images': ('id', 'file_name'),
    'annotations': ('id', 'image_id', 'category_id', 'bbox'),
    'categories': ('id', 'name'),
}


@dataclass
class CocoFile:
    """A file in COCO's format that has what is needed.

    Attributes:
        path: The file.
        content: What it holds, completed.
        taken: What was completed, in words.
    """

    path: str
    content: dict[str, Any]
    taken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.images = {image['id']: image for image in self.content['images']}

    @property
    def names(self) -> list[str]:
        """The names of its categories, in the file's order."""
        return [category['name'] for category in self.content['categories']]

    def annotations_of(self, classes: Sequence[str]) -> Iterator[tuple[int, dict]]:
        """Annotations of some classes whose images are listed too, with their positions."""
        wanted = set(classes)
        ids = {c['id'] for c in self.content['categories'] if c['name'] in wanted}
        for position, annotation in enumerate(self.content['annotations']):
            if annotation['category_id'] in ids and annotation['image_id'] in self.images:
                yield position, annotation


def read_coco(path: str, predictions_only: bool = False) -> CocoFile:
    """Read a file in COCO's format and complete what can be taken without harm.

    A byte-order mark is dropped, a missing ``iscrowd`` is 0, a missing ``area`` that of the box.
    Sizes of images may be missing, see ``check_sizes``.

    Args:
        path: The file.
        predictions_only: Allow that there are no annotations. Defaults to False.

    Raises:
        UserError: If it is not in COCO's format; the line names the file and the key.
    """
    content, taken = _load(path)
    if not isinstance(content, dict):
        raise UserError(f'ann_file: {path} is not in COCO\'s format: a dict with "images"')
    if predictions_only:
        content.setdefault('annotations', [])
    for key, needed in _LISTS.items():
        _check_list(path, content, key, needed)
    _check_boxes(path, content['annotations'])
    taken += _complete(content['annotations'])
    return CocoFile(path, content, taken)


def number_from_one(file: CocoFile) -> None:
    """Give an annotation whose ``id`` is 0 another, for an evaluator.

    pycocotools takes the ``id`` 0 for "no match": a detection that equals it would be judged wrong.
    """
    annotations = file.content['annotations']
    for annotation in annotations:
        if annotation['id'] == 0:
            annotation['id'] = 1 + max(a['id'] for a in annotations if isinstance(a['id'], int))
            file.taken.append(
                f'"id" 0 of an annotation is taken as {annotation["id"]}, since pycocotools counts '
                'detections of 0 as wrong'
            )


def check_classes(file: CocoFile, classes: Sequence[str], name: str) -> None:
    """Check that a file has every class once, in the order of the labels.

    MMDetection numbers the categories of a file in the file's order, and leaves out those that are
    not among the classes: a mistyped class shifts the labels that follow.

    Args:
        file: The file.
        classes: Names of the classes.
        name: The field that gives them.

    Raises:
        UserError: If a class is missing, is there twice, or is in another place.
    """
    wanted = set(classes)
    found = [name for name in file.names if name in wanted]
    if missing := [name for name in classes if name not in set(found)]:
        others = [name for name in file.names if name not in wanted]
        raise UserError(
            f'{name}.metainfo.classes: {file.path} has no category {listed(missing)}; its '
            f'categories {"not among the classes " if len(found) else ""}are '
            f'{listed(others) or "none"}; give the same names'
        )
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise UserError(
            f'ann_file: {file.path} has {listed(twice)} more than once in "categories"; leave one'
        )
    if found != list(classes):
        raise UserError(
            f'{name}.metainfo.classes: compared with "categories" of {file.path} they '
            f'{difference(list(classes), found)}; labels follow the file, so bring '
            f'either into the order of the other: {listed(found)}'
        )


def check_annotated(file: CocoFile, classes: Sequence[str]) -> None:
    """Check that a file has an annotation of some class on one of its images.

    Raises:
        UserError: If there is none.
    """
    if not any(True for _ in file.annotations_of(classes)):
        raise UserError(
            f'ann_file: {file.path} has no annotation whose "image_id" is among the "id" of its '
            '"images" and whose category is among the classes; compare them'
        )


def check_masks(file: CocoFile, classes: Sequence[str]) -> None:
    """Check that every annotation of some classes has a mask of its image's size.

    Raises:
        UserError: If one has none, or an encoded one of another size.
    """
    for position, annotation in file.annotations_of(classes):
        where = f'ann_file: {file.path}: annotations[{position}]'
        mask = annotation.get('segmentation')
        if not mask:
            raise UserError(
                f'{where} has no "segmentation", which masks need; add it, or train without masks'
            )
        image = file.images[annotation['image_id']]
        size = [image['height'], image['width']]
        if isinstance(mask, dict) and list(mask.get('size', ())) != size:
            raise UserError(
                f'{where}: "size" of its "segmentation" is {mask.get("size")}, but its image has '
                f'height and width {size}; mend either'
            )


def check_images(file: CocoFile, folder: str) -> None:
    """Check that the images of a file are in a folder.

    Args:
        file: The file.
        folder: The folder that their names are relative to. Each folder is listed once; no image is
            opened.

    Raises:
        UserError: If one is missing.
    """
    listings: dict[str, set[str]] = {}
    missing = []
    for image in file.content['images']:
        place, name = osp.split(osp.join(folder, image['file_name']))
        if place not in listings:
            listings[place] = set(os.listdir(place)) if osp.isdir(place) else set()
        if name not in listings[place]:
            missing.append((image['file_name'], place, name))
    if missing:
        shown, place, name = missing[0]
        alike = [other for other in listings[place] if other.lower() == name.lower()]
        spelt = f', which has {sorted(alike)[0]}' if alike else ''
        raise UserError(
            f'ann_file: {file.path}: {len(missing)} of {len(file.content["images"])} images, such '
            f'as {shown}, are not in {folder}{spelt}; set data_prefix or mend "file_name"'
        )


def _load(path: str) -> tuple[Any, list[str]]:
    try:
        with open(path, 'rb') as stream:
            taken = ['its byte-order mark is dropped'] if stream.read(3) == BOM else []
        with open(path, encoding='utf-8-sig') as stream:
            return json.load(stream), taken
    except OSError as error:
        raise UserError(f'ann_file: {path} cannot be read ({error.strerror})') from error
    except (ValueError, RecursionError) as error:
        raise UserError(f'ann_file: {path} is not JSON ({error}); write it again') from error


def _check_list(path: str, content: dict, key: str, needed: Sequence[str]) -> None:
    if key not in content:
        raise UserError(f'ann_file: {path} has no "{key}"; add this list, as in COCO\'s format')
    items = content[key]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UserError(f'ann_file: {path}: "{key}" is not a list of dicts, as in COCO\'s format')
    seen = set()
    for position, item in enumerate(items):
        for part in needed:
            if item.get(part) is None:
                raise UserError(f'ann_file: {path}: {key}[{position}] has no "{part}"; add it')
        if not isinstance(item['id'], int | str) or item['id'] in seen:
            raise UserError(
                f'ann_file: {path}: "id" of {key}[{position}], {item["id"]!r}, is not a number of '
                'its own; number the items'
            )
        seen.add(item['id'])


def _check_boxes(path: str, annotations: list[dict]) -> None:
    for position, annotation in enumerate(annotations):
        box = annotation['bbox']
        if not (isinstance(box, list) and len(box) == 4 and all(isinstance(x, Real) for x in box)):
            raise UserError(
                f'ann_file: {path}: "bbox" of annotations[{position}] is {box}; give 4 numbers: '
                'left, top, width, height'
            )


def _complete(annotations: list[dict]) -> list[str]:
    lacking = dict(iscrowd=0, area=0)
    for annotation in annotations:
        _, _, width, height = annotation['bbox']
        for key, value in dict(iscrowd=0, area=width * height).items():
            if annotation.get(key) is None:
                annotation[key] = value
                lacking[key] += 1
    meaning = dict(iscrowd='0', area='the area of the box')
    return [
        f'"{key}" is missing in {number} of {len(annotations)} annotations and is taken as '
        f'{meaning[key]}'
        for key, number in lacking.items()
        if number
    ]
