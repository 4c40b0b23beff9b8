"""Sprites and scenes made of Fashion-MNIST garments, in OpenMMLab's dataset layouts.

``DIR/sprites/{train,val}/<class>/NNNNN.png``
    A recoloured garment on a generated background, 64x64; NNNNN is its index in Fashion-MNIST's
    file.
``DIR/coco/{train2017,val2017}/*.jpg``, ``DIR/coco/annotations/instances_{train,val}2017.json``
    Scenes of up to five garments, 128x128, in COCO format; masks are RLE of the visible pixels.
``DIR/ade/{images,annotations}/{training,validation}/``
    The same scenes in ADE20K's layout. Background counts: its textures are the four 'stuff'
    classes, the garments are the five 'things'. Every pixel has a label, so 0 (unlabeled) does
    not occur.
``DIR/unlabeled/{sprites,scenes}/``
    Some of the training images without anything else, for a search to look at.
``DIR/scenes.json``
    What all of it was made from.

Train uses training garments only, val test garments only. The same options give the same bytes.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaia_ssl.utils.paths import TOOLS

from .idx import read_idx
from .scenes import Placed, Scene, SceneSet, place_objects, save_png, write_once, write_scenes

DATA = TOOLS / 'quickstart' / 'fashion_mnist'
GARMENTS = (
    'tshirt',
    'trouser',
    'pullover',
    'dress',
    'coat',
    'sandal',
    'shirt',
    'sneaker',
    'bag',
    'boot',
)
TEXTURES = ('plain', 'stripes', 'checks', 'clouds')
THINGS = {
    'top': ('tshirt', 'pullover', 'coat', 'shirt'),
    'trouser': ('trouser',),
    'dress': ('dress',),
    'shoe': ('sandal', 'sneaker', 'boot'),
    'bag': ('bag',),
}
SEMANTIC = TEXTURES + tuple(THINGS)  # label k of an annotation PNG is SEMANTIC[k - 1]
PREFIXES = dict(train='train', val='t10k')  # of Fashion-MNIST's files
SPRITE_SIZE = 64
SCENE_SIZE = 128
# Brightness of colours, 0 to 1, and how far apart the two of a background are, RGB in 0..255: faint
# and dark behind a sprite, clear where it is to be segmented.
GARMENT = (0.6, 1.0)
SPRITE_BACKGROUND = dict(brightness=(0.0, 0.25), contrast=(0, 12))
SCENE_BACKGROUND = dict(brightness=(0.1, 0.45), contrast=(45, 90))
MAX_GARMENTS = 5
UNLABELED = dict(sprites=512, scenes=256)
Range = tuple[float, float]
"""The least and the most."""
VERSION = 1  # goes up when the same options give other bytes
SCENES = SceneSet(
    'Fashion-MNIST scenes', list(THINGS), 'garment', 'MIT License', 'garment', VERSION
)


class Garments:
    """The garments of one split, with their outlines.

    Args:
        split: 'train' or 'val'.
        per_class: How many of each class to use; all if None.
        source: Folder with Fashion-MNIST's files.
    """

    def __init__(self, split: str, per_class: int | None = None, source: str | Path = DATA) -> None:
        prefix = Path(source) / PREFIXES[split]
        self.gray = read_idx(f'{prefix}-images-idx3-ubyte.gz')  # (N, 28, 28)
        self.label = read_idx(f'{prefix}-labels-idx1-ubyte.gz')  # (N, )
        self.of_class = {
            name: np.flatnonzero(self.label == k)[:per_class] for k, name in enumerate(GARMENTS)
        }

    def outline(self, index: int) -> np.ndarray:
        """Filled silhouette of a garment: float32 (28, 28), 1 inside and 0 outside."""
        found, _ = cv2.findContours(
            (self.gray[index] > 12).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        found = [c for c in found if cv2.contourArea(c) >= 6]
        filled = np.zeros((28, 28), np.uint8)
        return cv2.drawContours(filled, found, -1, (1,), cv2.FILLED).astype(np.float32)


def random_color(brightness: Range, rng: np.random.Generator) -> np.ndarray:
    """A random RGB colour: float32 (3, ) in 0..255, from gray to vivid.

    Args:
        brightness: Least and most, 0 to 1.
        rng: Source of randomness.
    """
    hue, sat, val = rng.random(), rng.uniform(0.1, 0.8), rng.uniform(*brightness)
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return (255 * val * (1 - sat + sat * wheel)).astype(np.float32)


def paint_texture(
    kind: str, size: int, rng: np.random.Generator, brightness: Range, contrast: Range
) -> np.ndarray:
    """Paint one background.

    Args:
        kind: One of TEXTURES.
        size: Side in pixels.
        rng: Source of randomness.
        brightness: Least and most of its colours, 0 to 1.
        contrast: Least and most distance between its two colours, RGB in 0..255.

    Returns:
        float32 (size, size, 3), RGB in 0..255.
    """
    y, x = np.mgrid[:size, :size].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    period = rng.uniform(8, 20)
    if kind == 'plain':
        blend = u / (2 * size)
    elif kind == 'stripes':
        blend = (np.sin(2 * np.pi * u / period) > 0).astype(np.float32)
    elif kind == 'checks':
        blend = (np.sin(2 * np.pi * u / period) > 0) ^ (np.sin(2 * np.pi * v / period) > 0)
        blend = blend.astype(np.float32)
    elif kind == 'clouds':
        blend = (
            sum(
                cv2.resize(
                    rng.random((n, n), np.float32), (size, size), interpolation=cv2.INTER_CUBIC
                )
                for n in (4, 8, 16)
            )
            / 3
        )
        blend = 0.5 + 2 * (blend - 0.5)
    else:
        raise ValueError(f'unknown texture {kind!r}, expected one of {TEXTURES}')
    first = random_color(brightness, rng)
    difference = random_color(brightness, rng) - first
    length = np.linalg.norm(difference)
    difference *= np.clip(length, *contrast) / max(length, 1)
    return first + blend[..., None].astype(np.float32) * difference


def paint_garment(
    canvas: np.ndarray,
    gray: np.ndarray,
    outline: np.ndarray,
    center: Sequence[float] | np.ndarray,
    side: float,
    rng: np.random.Generator,
) -> Placed:
    """Prepare a garment at a place, to be painted over ``canvas`` in a colour of its own.

    Args:
        canvas: float32 (S, S, 3), RGB.
        gray: uint8 (28, 28), the garment.
        outline: float32 (28, 28), its silhouette.
        center: Where its middle goes, (x, y) in pixels.
        side: What its 28 pixels become.
        rng: Source of randomness.

    """
    size = canvas.shape[0]
    scale, angle = side / 28, rng.uniform(-0.3, 0.3)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    flip = -1 if rng.random() < 0.5 else 1
    matrix = np.array([[flip * cos, -sin, 0], [flip * sin, cos, 0]])
    matrix[:, 2] = np.asarray(center) - matrix[:, :2] @ (13.5, 13.5)

    def warp(image: np.ndarray) -> np.ndarray:
        return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)

    alpha = warp(outline)
    mask = alpha >= 0.5
    inside = mask.sum() / max(outline.sum() * scale**2, 1)
    color = random_color(GARMENT, rng)

    def paint() -> None:
        shade = warp(gray.astype(np.float32) / 255)[..., None]
        canvas[:] += alpha[..., None] * (color * (0.4 + 0.6 * shade) - canvas)

    return Placed(paint, mask, inside)


def to_uint8(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add light sensor noise and round: float32 (S, S, 3) to uint8."""
    noisy = canvas + rng.normal(0, 3, canvas.shape[:2] + (1,)).astype(np.float32)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def make_sprite(garments: Garments, index: int, rng: np.random.Generator) -> np.ndarray:
    """One garment on a background: uint8 (64, 64, 3), RGB."""
    kind = TEXTURES[rng.integers(len(TEXTURES))]
    canvas = paint_texture(kind, SPRITE_SIZE, rng, **SPRITE_BACKGROUND)
    side = rng.uniform(34, 60)
    center = 31.5 + rng.uniform(-0.5, 0.5, 2) * (SPRITE_SIZE - 0.8 * side)
    paint_garment(canvas, garments.gray[index], garments.outline(index), center, side, rng).paint()
    return to_uint8(canvas, rng)


def make_scene(garments: Garments, rng: np.random.Generator) -> Scene:
    """Compose a scene of 128x128 pixels, with labels 1 to 9, whose sources are garments' indices.

    Args:
        garments: What to draw from.
        rng: Source of randomness.
    """
    size = SCENE_SIZE
    above, below = rng.choice(len(TEXTURES), 2, replace=False)
    y, x = np.mgrid[:size, :size]
    horizon = size * rng.uniform(0.3, 0.7) + rng.uniform(-0.2, 0.2) * (x - size / 2)
    upper = y < horizon
    canvas = np.where(
        upper[..., None],
        paint_texture(TEXTURES[above], size, rng, **SCENE_BACKGROUND),
        paint_texture(TEXTURES[below], size, rng, **SCENE_BACKGROUND),
    )
    label = np.where(upper, above + 1, below + 1).astype(np.uint8)
    groups = list(THINGS.values())

    def choose() -> tuple[int, int, Callable[[], Placed]]:
        thing = int(rng.integers(len(groups)))
        kinds = groups[thing]
        index = int(rng.choice(garments.of_class[kinds[rng.integers(len(kinds))]]))
        outline = garments.outline(index)

        def place() -> Placed:
            side = 28 * 2 ** rng.uniform(0.2, 1.4)
            center = rng.uniform(side * 0.3, size - side * 0.3, 2)
            return paint_garment(canvas, garments.gray[index], outline, center, side, rng)

        return thing, index, place

    number = int(rng.integers(2, MAX_GARMENTS + 1))
    instances = place_objects(choose, number, label, len(TEXTURES) + 1)
    return to_uint8(canvas, rng), label, instances


def scene_of(garments: Garments, split: str, seed: int, index: int) -> Scene:
    """A scene of a split; each has a generator of its own, so that more leave the first alone."""
    return make_scene(garments, np.random.default_rng([seed, 1, split == 'val', index]))


def write_sprites(out: Path, split: str, garments: Garments, seed: int) -> int:
    """Write the sprites of one split under ``out``; return how many."""
    count = 0
    for name, indices in garments.of_class.items():
        folder = out / 'sprites' / split / name
        folder.mkdir(parents=True)
        for index in indices:
            rng = np.random.default_rng([seed, 0, split == 'val', index])
            save_png(folder / f'{index:05d}.png', make_sprite(garments, index, rng))
            count += 1
    return count


def copy_unlabeled(out: Path) -> None:
    """Copy evenly chosen training images to ``out/unlabeled``, without their classes."""
    found = dict(
        sprites=sorted(out.glob('sprites/train/*/*.png'), key=lambda path: path.name),
        scenes=sorted(out.glob('coco/train2017/*.jpg')),
    )
    for kind, num in UNLABELED.items():
        folder = out / 'unlabeled' / kind
        folder.mkdir(parents=True)
        paths = found[kind]
        for k in range(min(num, len(paths))):
            path = paths[k * len(paths) // min(num, len(paths))]
            shutil.copyfile(path, folder / path.name)


def build(
    out: str | Path,
    seed: int = 0,
    train_scenes: int = 1000,
    val_scenes: int = 200,
    per_class: int | None = None,
    source: str | Path = DATA,
) -> dict[str, Any]:
    """Write everything to ``out``, or nothing.

    Args:
        out: The folder to make. If it holds the same already, it is left as it is.
        seed: Seed of all randomness.
        train_scenes: Number of training scenes.
        val_scenes: Number of validation scenes.
        per_class: Garments per class and split to use; all if None.
        source: Folder with Fashion-MNIST's files. Defaults to the part of it that
            this repository holds.

    Returns:
        What was made, as in ``scenes.json``.

    Raises:
        UserError: If ``out`` holds something else, or the source is damaged.
    """
    made: dict[str, Any] = dict(
        version=VERSION,
        seed=seed,
        scenes=dict(train=train_scenes, val=val_scenes),
        per_class=per_class,
        things=list(THINGS),
        semantic=list(SEMANTIC),
        sprites=list(GARMENTS),
    )
    if source != DATA:
        made['source'] = str(Path(source).resolve())

    def write(folder: Path) -> None:
        for split, number in made['scenes'].items():
            garments = Garments(split, per_class, source)
            write_sprites(folder, split, garments, seed)
            write_scenes(folder, split, number, partial(scene_of, garments, split, seed), SCENES)
        copy_unlabeled(folder)

    write_once(out, made, write)
    return made
