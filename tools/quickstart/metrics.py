"""What trainings say about themselves: the figures in their logs, as shares of one."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """A figure of an evaluation.

    Attributes:
        key: Its name in the log.
        scale: What turns it into a share, 0 to 1.
    """

    key: str
    scale: float = 1.0


# Each task's figures, by the report's names. MMPretrain and MMSegmentation log percent.
METRICS = dict(
    classification=dict(top1=Metric('accuracy/top1', 0.01)),
    detection=dict(
        bbox_mAP=Metric('coco/bbox_mAP'),
        bbox_mAP_50=Metric('coco/bbox_mAP_50'),
        segm_mAP=Metric('coco/segm_mAP'),
    ),
    segmentation=dict(mIoU=Metric('mIoU', 0.01)),
)


def read_evaluation(work_dir: Path, task: str) -> dict[str, float | None]:
    """Read the figures of a training's last evaluation.

    Args:
        work_dir: The training's folder.
        task: One of METRICS.

    Returns:
        By the report's names; None for what is undefined.

    Raises:
        LookupError: If the logs hold no evaluation.
    """
    # a training's lines tell its learning rate
    last = _last_line(work_dir, lambda line: 'lr' not in line)
    # where nothing at all is found, MMDetection logs no figure
    nothing = {metric.key: 0.0 for metric in METRICS['detection'].values()}
    figures = {}
    for name, (key, scale) in METRICS[task].items():
        value = {**nothing, **last}[key]
        figures[name] = round(value * scale, 4) if math.isfinite(value) else None
    return figures


def read_loss(work_dir: Path) -> float:
    """Read the last loss of a training.

    Raises:
        LookupError: If the logs hold none.
    """
    return _last_line(work_dir, lambda line: 'loss' in line)['loss']


def _last_line(work_dir: Path, wanted: Callable[[dict], bool]) -> dict[str, Any]:
    for log in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        for line in map(json.loads, reversed(log.read_text().splitlines())):
            if wanted(line):
                return line
    raise LookupError(f'no such figures in the logs of {work_dir}')
