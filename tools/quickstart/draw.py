"""Draw what a trained detector or segmentor finds on validation images, beside the truth.

Usage: python tools/quickstart/draw.py {detection,segmentation} CONFIG WORK_DIR --out PICTURE
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from mmengine.config import Config
from mmengine.runner import Runner

NUM = 6
SCORE = 0.5


def predict(config: Path, work_dir: Path, num: int) -> tuple[Runner, list]:
    """Run a trained model on the first validation images.

    Args:
        config: The training's config.
        work_dir: The training's folder.
        num: How many images.

    Returns:
        The runner, and pairs of an image, uint8 RGB (H, W, 3), and its data sample: predictions
        and truth.
    """
    cfg = Config.fromfile(str(config))
    cfg.work_dir = str(work_dir / 'draw')
    cfg.load_from = (work_dir / 'last_checkpoint').read_text().strip()
    cfg.test_dataloader.batch_size = 1
    cfg.model.backbone.init_cfg = None
    runner = Runner.from_cfg(cfg)
    runner.load_or_resume()
    runner.model.eval()
    pairs = []
    for batch in runner.test_dataloader:
        image = batch['inputs'][0].numpy()[::-1].transpose(1, 2, 0)  # BGR (3, H, W) to RGB
        with torch.no_grad():
            pairs.append((image, runner.model.test_step(batch)[0]))
        if len(pairs) == num:
            break
    return runner, pairs


def class_colors(meta: dict) -> np.ndarray:
    """Colours of a dataset's classes: (C, 3) in 0..1, its palette or evenly told apart."""
    num = len(meta['classes'])
    palette = meta.get('palette') or []
    if len(palette) == num:
        return np.array(palette) / 255
    return colormaps['hsv'](np.linspace(0, 1, num, endpoint=False))[:, :3]


def draw_instances(
    axes: Axes, image: np.ndarray, found: list[tuple], classes: tuple, colors: np.ndarray
) -> None:
    """Draw boxes and masks.

    Args:
        axes: Where to.
        image: uint8 RGB (H, W, 3).
        found: Per instance its class index, score or None, box (x1, y1, x2, y2), mask (H, W).
        classes: Names of the classes.
        colors: (C, 3) in 0..1.
    """
    canvas = image / 255
    for label, _, _, mask in found:
        canvas[mask] = 0.5 * canvas[mask] + 0.5 * colors[label]
    axes.imshow(canvas)
    for label, score, (x1, y1, x2, y2), _ in found:
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=colors[label]))
        text = classes[label] if score is None else f'{classes[label]} {score:.2f}'
        axes.text(x1, y1, text, fontsize=6, color='white', backgroundcolor=(*colors[label], 0.7))


def instances(data: dict, size: tuple[int, int]) -> list[tuple]:
    """An mmdet data sample's instances as ``draw_instances`` takes them, in pixels of ``size``."""
    scores = data.scores.tolist() if 'scores' in data else [None] * len(data)
    boxes = data.bboxes
    boxes = (boxes if torch.is_tensor(boxes) else boxes.tensor).tolist()
    masks = data.masks if torch.is_tensor(data.masks) else data.masks.masks
    masks = np.asarray(masks, bool).reshape(-1, *size)
    found = zip(data.labels.tolist(), scores, boxes, masks)
    return [item for item in found if item[1] is None or item[1] >= SCORE]


def detections(config: Path, work_dir: Path) -> Figure:
    """The truth above what the detector finds."""
    # boxes and masks are drawn where the model saw them
    runner, pairs = predict(config, work_dir, NUM)
    meta = runner.test_dataloader.dataset.metainfo
    colors = class_colors(dict(classes=meta['classes']))
    figure, rows = grid(('truth', f'found (score over {SCORE})'))
    for (truth, found), (image, sample) in zip(rows.T, pairs):
        size, scale = image.shape[:2], np.array(sample.scale_factor * 2)
        at_input = sample.pred_instances.clone()
        at_input.bboxes = at_input.bboxes * torch.from_numpy(scale).float()
        at_input.masks = torch.nn.functional.interpolate(
            at_input.masks[:, None].float(), size, mode='nearest'
        )[:, 0]
        draw_instances(truth, image, instances(sample.gt_instances, size), meta['classes'], colors)
        draw_instances(found, image, instances(at_input, size), meta['classes'], colors)
    return figure


def segmentations(config: Path, work_dir: Path) -> Figure:
    """Images above their labels and what the segmentor says."""
    runner, pairs = predict(config, work_dir, NUM)
    meta = runner.test_dataloader.dataset.metainfo
    colors = class_colors(meta)
    figure, rows = grid(('image', 'truth', 'found'))
    shown = set()
    for (top, *others), (image, sample) in zip(rows.T, pairs):
        top.imshow(image)
        for axes, part in zip(others, (sample.gt_sem_seg, sample.pred_sem_seg)):
            labels = part.data[0].numpy()
            known = labels < len(colors)
            shown |= set(np.unique(labels[known]).tolist())
            painted = np.where(known[..., None], colors[np.where(known, labels, 0)], 0)
            axes.imshow(painted)
    handles = [Patch(color=colors[k], label=meta['classes'][k]) for k in sorted(shown)][:24]
    figure.legend(handles=handles, loc='outside lower center', ncols=9, frameon=False, fontsize=7)
    return figure


def grid(names: tuple[str, ...]) -> tuple[Figure, np.ndarray]:
    """A figure of NUM columns with a row for each name."""
    figure = Figure(figsize=(1.9 * NUM, 1.9 * len(names) + 0.4), layout='constrained')
    rows = figure.subplots(len(names), NUM, squeeze=False)
    for axes in rows.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    for name, row in zip(names, rows):
        row[0].set_ylabel(name)
    return figure, rows


TASKS = dict(detection=detections, segmentation=segmentations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('task', choices=TASKS)
    parser.add_argument('config', type=Path, help="the training's config")
    parser.add_argument('work_dir', type=Path, help="the training's folder")
    parser.add_argument('--out', type=Path, required=True, help='PNG to write')
    args = parser.parse_args()
    draft = args.out.with_suffix('.tmp.png')
    TASKS[args.task](args.config, args.work_dir).savefig(draft, dpi=120)
    os.replace(draft, args.out)


if __name__ == '__main__':
    main()
