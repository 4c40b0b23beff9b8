"""Scenes of cut-outs pasted on photographs, in COCO's and ADE20K's layouts.

``DIR/coco/{train2017,val2017}/*.jpg``, ``DIR/coco/annotations/instances_{train,val}2017.json``
    Crops of photographs with up to four cut-outs on them, in COCO format; a category is a folder of
    cut-outs, masks are RLE of the visible pixels.
``DIR/ade/{images,annotations}/{training,validation}/``
    The same scenes in ADE20K's layout: label 1 is the photograph, label k + 1 the k-th category.
``DIR/scenes.json``
    What all of it was made from.

Every fourth photograph and every fourth cut-out of a category are for validation, the others for
training. The same options and files give the same bytes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from gaia_ssl.datasets.decoding import read_image
from gaia_ssl.datasets.sources import find_images
from gaia_ssl.utils import UserError

from .scenes import Placed, Scene, SceneSet, place_objects, write_once, write_scenes

VERSION = 1  # goes up when the same options give other bytes
VAL_EVERY = 4
MAX_OBJECTS = 4
MARGIN = 2  # times a scene's side: cut-outs are kept no larger
SIDES = (0.25, 0.7)  # of a cut-out's longer side, in sides of the scene
ANGLE = 15  # degrees, to either side
CROPS = (0.4, 1.0)  # of a photograph's shorter side
LIGHT = (0.7, 1.2)  # factor of a cut-out's brightness


class Cutouts:
    """The cut-outs of one split, by category.

    Args:
        folder: It holds one folder of images with transparency per category.
        split: 'train' or 'val'.
        side: Of the scenes in pixels.

    Attributes:
        names: The names of the categories.
        images: Of each category the names and images of its cut-outs; an image is float32
            (h, w, 4), RGB times alpha and alpha, in 0..255, without transparent margins.

    Raises:
        UserError: If an image lies in no such folder, cannot be read or has no transparent pixel,
            or a category has too few for both splits.
    """

    def __init__(self, folder: str | Path, split: str, side: int) -> None:
        files: dict[str, list[tuple[str, str]]] = {}
        for file in find_images([folder], by_class=True):
            name, inside, _ = file.name.partition('/')
            if not inside:
                raise UserError(
                    f'cutouts: {folder}/{name} is in no folder; give a folder of one per category'
                )
            files.setdefault(name, []).append((file.name, file.path))
        self.names = sorted(files)
        self.images: list[list[tuple[str, np.ndarray]]] = []
        for name in self.names:
            own = _of_split(files[name], split)
            if not own:
                raise UserError(
                    f'cutouts: {folder}/{name} has {len(files[name])} images; {VAL_EVERY} are the '
                    'fewest that can be divided'
                )
            self.images.append([(each, read_cutout(path, MARGIN * side)) for each, path in own])


def _of_split(items: list, split: str) -> list:
    """Every fourth item for validation, the others for training."""
    if len(items) < VAL_EVERY:
        return []
    return [item for k, item in enumerate(items) if (k % VAL_EVERY == 0) == (split == 'val')]


def read_cutout(path: str, side: int) -> np.ndarray:
    """Read an image with transparency.

    Args:
        path: The file.
        side: A longer one is made smaller.

    Returns:
        Float32 (h, w, 4), RGB times alpha and alpha, in 0..255, without transparent margins.

    Raises:
        UserError: If it cannot be read, or has no transparent pixel or no other.
    """
    read_image(path)  # which says what is wrong with a file
    with Image.open(path) as file:
        image = file.convert('RGBA')
    alpha = np.asarray(image)[..., 3]
    if alpha.min() > 127 or alpha.max() <= 127:
        raise UserError(f'cutouts: {path} is no cut-out: its pixels are all opaque, or none is')
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    image = image.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    image.thumbnail((side, side), Image.Resampling.BOX)
    found = np.asarray(image, np.float32)
    return np.concatenate([found[..., :3] * found[..., 3:] / 255, found[..., 3:]], -1)


def place_cutout(canvas: np.ndarray, cutout: np.ndarray, rng: np.random.Generator) -> Placed:
    """Draw size, place, turn and light of a cut-out.

    Args:
        canvas: Float32 (S, S, 3), RGB in 0..255, on which it is painted.
        cutout: Float32 (h, w, 4), see ``Cutouts``.
        rng: Source of randomness.
    """
    size = len(canvas)
    longer = size * rng.uniform(*SIDES)
    scale = longer / max(cutout.shape[:2])
    angle = np.deg2rad(rng.uniform(-ANGLE, ANGLE))
    flip = -1 if rng.random() < 0.5 else 1
    light = rng.uniform(*LIGHT)
    height, width = (max(1, round(n * scale)) for n in cutout.shape[:2])
    small = cv2.resize(cutout, (width, height), interpolation=cv2.INTER_AREA)
    turn = np.array([[flip * np.cos(angle), -np.sin(angle)], [flip * np.sin(angle), np.cos(angle)]])
    center = rng.uniform(0.4 * longer, size - 0.4 * longer, 2)
    shift = center - turn @ ((width - 1) / 2, (height - 1) / 2)
    layer = cv2.warpAffine(small, np.c_[turn, shift], (size, size), flags=cv2.INTER_LINEAR)
    mask = layer[..., 3] >= 127.5
    inside = mask.sum() / max(1, (small[..., 3] >= 127.5).sum())

    def paint() -> None:
        canvas[:] = canvas * (1 - layer[..., 3:] / 255) + np.clip(light * layer[..., :3], 0, 255)

    return Placed(paint, mask, inside)


def crop_photograph(path: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square of a photograph: float32 (size, size, 3), RGB in 0..255."""
    image, _ = read_image(path, shrink=4)
    side = max(1, round(min(image.size) * rng.uniform(*CROPS)))
    left, top = (int(rng.integers(n - side + 1)) for n in image.size)
    square = image.crop((left, top, left + side, top + side))
    if rng.random() < 0.5:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(square.resize((size, size), Image.Resampling.BOX), np.float32)


def make_scene(
    photographs: list[str], cutouts: Cutouts, size: int, rng: np.random.Generator
) -> Scene:
    """Compose a scene, whose instances' sources are names of cut-outs.

    Args:
        photographs: Paths.
        cutouts: What is pasted on them.
        size: Side of the scene in pixels.
        rng: Source of randomness.
    """
    canvas = crop_photograph(photographs[rng.integers(len(photographs))], size, rng)
    label = np.ones((size, size), np.uint8)

    def choose() -> tuple[int, str, Callable[[], Placed]]:
        thing = int(rng.integers(len(cutouts.names)))
        own = cutouts.images[thing]
        name, image = own[rng.integers(len(own))]
        return thing, name, partial(place_cutout, canvas, image, rng)

    instances = place_objects(choose, int(rng.integers(1, MAX_OBJECTS + 1)), label, 2)
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8), label, instances


def build(
    out: str | Path,
    photographs: str | Path,
    cutouts: str | Path,
    size: int = 128,
    train: int = 3000,
    val: int = 600,
    seed: int = 0,
) -> dict[str, Any]:
    """Write everything to ``out``, or nothing.

    Args:
        out: The folder to make. If it holds the same already, it is left as it is.
        photographs: Images of any kind, see ``find_images``.
        cutouts: A folder with one folder of cut-outs per category.
        size: Side of a scene in pixels.
        train: Number of training scenes.
        val: Number of validation scenes.
        seed: Seed of all randomness.

    Returns:
        What was made, as in ``scenes.json``.

    Raises:
        UserError: If ``out`` holds something else, or images are missing or unfit.
    """
    paths = [file.path for file in find_images([photographs])]
    if len(paths) < VAL_EVERY:
        raise UserError(f'photographs: {photographs} has {len(paths)}; give {VAL_EVERY} or more')
    splits = {split: Cutouts(cutouts, split, size) for split in ('train', 'val')}
    names = splits['train'].names
    made: dict[str, Any] = dict(
        version=VERSION,
        seed=seed,
        size=size,
        scenes=dict(train=train, val=val),
        photographs=[str(Path(photographs).resolve()), len(paths)],
        cutouts=[str(Path(cutouts).resolve()), *map(len, splits['train'].images)],
        things=names,
    )
    about = SceneSet('cut-outs on photographs', names, 'object', "the images'", 'cutout', VERSION)

    def write(folder: Path) -> None:
        for split, number in made['scenes'].items():
            own = _of_split(paths, split)
            write_scenes(folder, split, number, partial(scene, own, split), about)

    def scene(own: list[str], split: str, index: int) -> Scene:
        # a generator of its own: asking for more scenes leaves the first ones as they were
        rng = np.random.default_rng([seed, split == 'val', index])
        return make_scene(own, splits[split], size, rng)

    write_once(out, made, write)
    return made
