"""Pictures of detections and segmentations on validation images, beside the truth."""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, InstanceData

from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.files import atomic_write
from gaia_ssl.utils.paths import last_checkpoint

from .figure import grid

NUM = 6
SCORE = 0.5


class Instance(NamedTuple):
    """Something on an image.

    Attributes:
        label: Index of its class.
        box: x1, y1, x2, y2 in pixels.
        mask: bool (H, W).
        score: Of a detection; None for the truth.
    """

    label: int
    box: tuple[float, float, float, float]
    mask: np.ndarray
    score: float | None = None


def predict(config: Path, work_dir: Path, num: int) -> tuple[dict[str, Any], list[BaseDataElement]]:
    """Run a trained model on the first validation images.

    Args:
        config: The training's config.
        work_dir: The training's folder.
        num: How many images, at most.

    Returns:
        The dataset's ``metainfo``, and data samples: predictions and truth in the pixels of the
        image file.
    """
    cfg = Config.fromfile(config)
    checkpoint = load_checkpoint(str(last_checkpoint(work_dir)))
    cfg.test_dataloader.batch_size = 1
    with tempfile.TemporaryDirectory() as cfg.work_dir:
        runner = Runner.from_cfg(cfg)
        runner.model.load_state_dict(checkpoint['state_dict'])
        runner.model.eval()
        with torch.no_grad():
            samples = [
                runner.model.test_step(batch)[0]
                for batch in itertools.islice(runner.test_dataloader, num)
            ]
    return runner.test_dataloader.dataset.metainfo, samples


def read_image(sample: BaseDataElement) -> np.ndarray:
    """The image of a data sample: float RGB (H, W, 3) in 0..1."""
    return cv2.imread(sample.img_path)[..., ::-1] / 255


def class_colors(meta: dict[str, Any]) -> np.ndarray:
    """Colours of a dataset's classes: (C, 3) in 0..1, its palette or evenly told apart."""
    num = len(meta['classes'])
    palette = meta.get('palette') or []
    if len(palette) == num:
        return np.array(palette) / 255
    return colormaps['hsv'](np.linspace(0, 1, num, endpoint=False))[:, :3]


def instances(data: InstanceData) -> list[Instance]:
    """The instances of an mmdet data sample: all of the truth, the confident ones of the found."""
    scores = data.scores.tolist() if 'scores' in data else [None] * len(data)
    # a tensor of what is found, mmdet's bitmaps of the truth
    masks = data.masks.numpy() if torch.is_tensor(data.masks) else data.masks.masks
    found = map(Instance, data.labels.tolist(), data.bboxes.tolist(), masks.astype(bool), scores)
    return [item for item in found if item.score is None or item.score >= SCORE]


def draw_instances(
    axes: Axes,
    image: np.ndarray,
    found: Sequence[Instance],
    classes: Sequence[str],
    colors: np.ndarray,
) -> None:
    """Draw boxes and masks.

    Args:
        axes: Where to.
        image: float RGB (H, W, 3) in 0..1.
        found: The instances.
        classes: Names of the classes.
        colors: (C, 3) in 0..1.
    """
    canvas = image.copy()
    for item in found:
        canvas[item.mask] = 0.5 * canvas[item.mask] + 0.5 * colors[item.label]
    axes.imshow(canvas)
    for label, (x1, y1, x2, y2), _, score in found:
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=colors[label]))
        text = classes[label] if score is None else f'{classes[label]} {score:.2f}'
        box = dict(facecolor=(*colors[label], 0.7), edgecolor='none', pad=1)
        axes.text(x1, y1, text, fontsize=6, color='white', bbox=box)


def paint_labels(labels: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Colour a label map.

    Args:
        labels: int (H, W); beyond the classes is unlabeled.
        colors: (C, 3) in 0..1.

    Returns:
        float RGB (H, W, 3) in 0..1, unlabeled black.
    """
    known = labels < len(colors)
    return np.where(known[..., None], colors[np.where(known, labels, 0)], 0)


def visible(labels: np.ndarray, num_classes: int) -> list[int]:
    """The classes that cover a hundredth of a label map, int (H, W), or more."""
    areas = np.bincount(labels[labels < num_classes], minlength=num_classes)
    return np.flatnonzero(areas >= 0.01 * labels.size).tolist()


def detections(config: Path, work_dir: Path) -> Figure:
    """The truth above what the detector finds."""
    meta, samples = predict(config, work_dir, NUM)
    style = dict(classes=meta['classes'], colors=class_colors(meta))
    figure, rows = grid(('truth', f'found (score over {SCORE})'), len(samples))
    for (truth, found), sample in zip(rows.T, samples):
        image = read_image(sample)
        draw_instances(truth, image, instances(sample.gt_instances), **style)
        draw_instances(found, image, instances(sample.pred_instances), **style)
    return figure


def segmentations(config: Path, work_dir: Path) -> Figure:
    """Images above their labels and what the segmentor says."""
    meta, samples = predict(config, work_dir, NUM)
    colors = class_colors(meta)
    figure, rows = grid(('image', 'truth', 'found'), len(samples))
    shown = set()
    for (top, *others), sample in zip(rows.T, samples):
        top.imshow(read_image(sample))
        truth, found = (part.data[0].numpy() for part in (sample.gt_sem_seg, sample.pred_sem_seg))
        for axes, labels in zip(others, (truth, found)):
            axes.imshow(paint_labels(labels, colors))
            shown |= set(visible(labels, len(colors)))
    handles = [Patch(color=colors[k], label=meta['classes'][k]) for k in sorted(shown)]
    figure.legend(handles=handles, loc='outside lower center', ncols=6, frameon=False, fontsize=7)
    return figure


DRAWINGS = dict(detection=detections, segmentation=segmentations)


def draw_predictions(task: str, config: Path, work_dir: Path, out: Path) -> None:
    """Draw what a trained model finds on validation images beside the truth, as PNG.

    Args:
        task: ``'detection'`` or ``'segmentation'``.
        config: The config of its training.
        work_dir: The folder of its training.
        out: The file to write.
    """
    figure = DRAWINGS[task](config, work_dir)
    with atomic_write(str(out), 'wb') as file:
        figure.savefig(file, format='png', dpi=120)
