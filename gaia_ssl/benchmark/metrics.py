"""Read metrics and losses from the logs of trainings; percentages become fractions of 1."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from gaia_ssl.utils import UserError
from gaia_ssl.utils.scalars import read_runs


class Metric(NamedTuple):
    """A metric of an evaluation.

    Attributes:
        key: Its name in the log.
        scale: The factor that turns it into a share, 0 to 1.
    """

    key: str
    scale: float = 1.0


# By evaluator, its metrics under the names that reports use. MMPretrain and MMSegmentation log
# percent.
METRICS = dict(
    Accuracy=dict(top1=Metric('accuracy/top1', 0.01)),
    CocoMetric=dict(
        bbox_mAP=Metric('coco/bbox_mAP'),
        bbox_mAP_50=Metric('coco/bbox_mAP_50'),
        segm_mAP=Metric('coco/segm_mAP'),
    ),
    IoUMetric=dict(mIoU=Metric('mIoU', 0.01)),
    VOCMetric=dict(
        mAP=Metric('pascal_voc/mAP'),
        AP50=Metric('pascal_voc/AP50'),
        AP75=Metric('pascal_voc/AP75'),
    ),
)


def declared_metrics(config: Config) -> dict[str, Metric]:
    """The metrics that a config declares in ``reported_metrics``, for evaluators not in METRICS.

    Such a config contains, for example, ``reported_metrics = dict(PQ=dict(key='coco_panoptic/PQ',
    scale=0.01))``.

    Raises:
        UserError: If they are not declared so.
    """
    declared = config.get('reported_metrics', {})
    try:
        return {name: Metric(**options) for name, options in declared.items()}
    except (AttributeError, TypeError) as error:
        raise UserError(
            'reported_metrics: give dict(NAME=dict(key=..., scale=...)), by default scale=1'
        ) from error


def metrics_of(evaluators: Sequence[dict[str, Any]]) -> dict[str, Metric]:
    """The metrics in METRICS that a config's evaluators compute."""
    found = {}
    for evaluator in evaluators:
        # the type may have a scope as its prefix
        kind = evaluator['type'].rpartition('.')[2]
        for name, metric in METRICS.get(kind, {}).items():
            if _is_asked(kind, name, evaluator):
                found[name] = metric
    return found


def _is_asked(kind: str, name: str, evaluator: dict[str, Any]) -> bool:
    if kind == 'CocoMetric':  # of boxes, of masks, or of both
        return name.partition('_')[0] in evaluator.get('metric', 'bbox')
    if kind == 'VOCMetric' and name != 'mAP':  # at an overlap
        overlaps = evaluator.get('iou_thrs', 0.5)
        overlaps = overlaps if isinstance(overlaps, list) else [overlaps]
        return name in [f'AP{int(100 * overlap)}' for overlap in overlaps]
    return True


def read_evaluation(work_dir: Path, metrics: dict[str, Metric]) -> dict[str, float | None]:
    """Read the figures of a training's last evaluation.

    Args:
        work_dir: The training's folder.
        metrics: What to read, such as one of METRICS.

    Returns:
        By the names of the metrics; None for what is undefined.

    Raises:
        LookupError: If the logs hold no evaluation.
    """
    # lines of training, unlike those of evaluation, hold the learning rate
    return as_shares(_last_line(work_dir, lambda line: 'lr' not in line), metrics)


def as_shares(logged: dict[str, float], metrics: dict[str, Metric]) -> dict[str, float | None]:
    """The figures of an evaluation's log, by the names of the metrics; None for what is undefined.

    Raises:
        LookupError: If one is missing.
    """
    # MMDetection logs nothing if a detector finds no object at all
    nothing = {metric.key: 0.0 for metric in METRICS['CocoMetric'].values()}
    figures = {}
    for name, (key, scale) in metrics.items():
        value = {**nothing, **logged}[key]
        figures[name] = round(value * scale, 4) if math.isfinite(value) else None
    return figures


def read_loss(work_dir: Path) -> float:
    """Read the last loss of a training.

    Raises:
        LookupError: If the logs hold none.
    """
    return _last_line(work_dir, lambda line: 'loss' in line)['loss']


def _last_line(work_dir: Path, wanted: Callable[[dict], bool]) -> dict[str, Any]:
    for run in reversed(read_runs(work_dir)):
        for line in reversed(run):
            if wanted(line):
                return line
    raise LookupError(f'no such figures in the logs of {work_dir}')
