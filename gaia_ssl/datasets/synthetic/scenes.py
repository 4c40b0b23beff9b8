"""Compose scenes of objects, and write them in COCO's and ADE20K's layouts."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from pycocotools import mask as mask_utils

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import atomic_folder

FOLDERS = {  # split: (COCO's folder, ADE20K's folder)
    'train': ('train2017', 'training'),
    'val': ('val2017', 'validation'),
}
TRIES = 10  # of a place for an object
MIN_INSIDE = 0.8  # share of an object within the frame
MIN_VISIBLE = 0.5  # share of an object that later ones must leave visible


class Placed(NamedTuple):
    """An object at a place.

    Attributes:
        paint: Paints it on the canvas.
        mask: The pixels that it covers: bool (H, W).
        inside: The share of the object that lies within the frame.
    """

    paint: Callable[[], None]
    mask: np.ndarray
    inside: float


class Instance(NamedTuple):
    """An object of a scene, as far as it is visible.

    Attributes:
        thing: The index of its class.
        source: What it was made of.
        mask: bool (H, W).
    """

    thing: int
    source: int | str
    mask: np.ndarray


Scene = tuple[np.ndarray, np.ndarray, list[Instance]]
"""Image, uint8 (H, W, 3), RGB; label map, uint8 (H, W); what is visible."""


class SceneSet(NamedTuple):
    """Facts that all scenes of a dataset share.

    Attributes:
        title: Describes them.
        things: The names of the classes of objects.
        supercategory: COCO's name of all of them.
        license: The name of the images' licence.
        source: The key of an annotation that holds ``Instance.source``.
        version: The version of what makes them.
    """

    title: str
    things: Sequence[str]
    supercategory: str
    license: str
    source: str
    version: int


def place_objects(
    choose: Callable[[], tuple[int, int | str, Callable[[], Placed]]],
    number: int,
    label: np.ndarray,
    first: int,
) -> list[Instance]:
    """Place objects one after another so that none hides too much of another.

    Args:
        choose: Draws an object: the index of its class, what it is made of, and a function that
            draws a place for it.
        number: How many are tried.
        label: The label map of the background, uint8 (H, W); the objects are written there.
        first: The label of the first class.

    Returns:
        What is visible of those that found a place, in the order in which they were painted.
    """
    owner = np.zeros(label.shape, np.uint8)  # which object shows, 0 = none
    # (class, source, area before anything covered it)
    drawn: list[tuple[int, int | str, int]] = []
    for _ in range(number):
        thing, source, place = choose()
        for _ in range(TRIES):
            placed = place()
            kept = np.bincount(owner[~placed.mask], minlength=len(drawn) + 1)[1:]
            areas = np.array([area for *_, area in drawn])
            if placed.inside >= MIN_INSIDE and np.all(kept >= MIN_VISIBLE * areas):
                break
        else:
            continue
        placed.paint()
        drawn.append((thing, source, int(placed.mask.sum())))
        owner[placed.mask] = len(drawn)
        label[placed.mask] = first + thing
    return [Instance(thing, source, owner == k + 1) for k, (thing, source, _) in enumerate(drawn)]


def save_png(path: Path, image: np.ndarray) -> None:
    """Write uint8 (H, W) or RGB (H, W, 3) as PNG."""
    image = image[..., ::-1] if image.ndim == 3 else image
    ok, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert ok
    Path(path).write_bytes(data.tobytes())


def to_coco(instance: Instance, source: str, image_id: int, ann_id: int) -> dict[str, Any]:
    """One instance as a COCO annotation, with its source beside COCO's own keys."""
    rle = mask_utils.encode(np.asfortranarray(instance.mask, dtype=np.uint8))
    found = dict(
        id=ann_id,
        image_id=image_id,
        category_id=instance.thing + 1,
        bbox=mask_utils.toBbox(rle).tolist(),
        area=int(mask_utils.area(rle)),
        iscrowd=0,
        segmentation=dict(size=rle['size'], counts=rle['counts'].decode()),
    )
    return found | {source: instance.source}


def write_scenes(
    out: Path, split: str, number: int, make: Callable[[int], Scene], about: SceneSet
) -> None:
    """Write the scenes of a split in both layouts.

    Args:
        out: The folder.
        split: One of ``FOLDERS``.
        number: How many.
        make: Makes the scene of an index, from 0.
        about: What they have in common.
    """
    coco_folder, ade_folder = FOLDERS[split]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    folders = [
        out / 'coco' / coco_folder,
        out / 'ade/images' / ade_folder,
        out / 'ade/annotations' / ade_folder,
    ]
    for folder in folders + [out / 'coco/annotations']:
        folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        image, label, instances = make(i)
        name = f'{i + 1:012d}'
        ok, jpg = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        assert ok
        for folder in folders[:2]:
            (folder / f'{name}.jpg').write_bytes(jpg.tobytes())
        save_png(folders[2] / f'{name}.png', label)
        height, width = label.shape
        images.append(
            dict(id=i + 1, file_name=f'{name}.jpg', height=height, width=width, license=1)
        )
        for instance in instances:
            annotations.append(to_coco(instance, about.source, i + 1, len(annotations) + 1))
    coco = dict(
        info=dict(description=f'{about.title}, {split}', version=str(about.version)),
        licenses=[dict(id=1, name=about.license, url='')],
        images=images,
        annotations=annotations,
        categories=[
            dict(id=k + 1, name=name, supercategory=about.supercategory)
            for k, name in enumerate(about.things)
        ],
    )
    (out / f'coco/annotations/instances_{coco_folder}.json').write_text(json.dumps(coco))


def write_once(out: str | Path, made: dict[str, Any], write: Callable[[Path], None]) -> None:
    """Write a dataset to a folder, or nothing; what is there is left as it is.

    Args:
        out: The folder.
        made: What the dataset is made from, which ``scenes.json`` records.
        write: Writes the dataset to a folder.

    Raises:
        UserError: If the folder holds something else.
    """
    out = Path(out)
    record = out / 'scenes.json'
    if record.is_file() and json.loads(record.read_text()) == made:
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'out: {out} holds something else; choose another folder or remove it')
    with atomic_folder(out) as draft:
        write(Path(draft))
        (Path(draft) / record.name).write_text(json.dumps(made, indent=1) + '\n')
