"""The report of a quickstart: ``report.json``, ``report.md``."""

from typing import Any

from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import atomic_write, write_json
from gaia_ssl.utils.markdown import short_arch, table

from ..stages import Records
from .plan import ARMS, FLOPS, SEARCH_SIZE, TASKS, Plan

FIGURES = (  # task, figure, what a reader calls it
    ('detection', 'bbox_mAP', 'Mask R-CNN box mAP'),
    ('detection', 'bbox_mAP_50', 'Mask R-CNN box mAP50'),
    ('detection', 'segm_mAP', 'Mask R-CNN mask mAP'),
    ('segmentation', 'mIoU', 'FCN mIoU'),
    ('classification', 'top1', 'linear probe top-1'),
)
ABOUT = dict(
    scenes='mIoU is over four background textures and five garments.',
    coco20='Detection and segmentation are of 15 training and 5 validation photographs: they show '
    'that everything runs, nothing more.',
)


def write_report(plan: Plan) -> str:
    """Write both files.

    Args:
        plan: A quickstart whose stages are all done.

    Returns:
        The text of ``report.md``.
    """
    report = make_report(plan)
    text = as_markdown(report)
    write_json(plan.work_dir / 'report.json', report)
    with atomic_write(str(plan.work_dir / 'report.md')) as file:
        file.write(text)
    return text


def make_report(plan: Plan) -> dict[str, Any]:
    """Collect all results.

    Args:
        plan: A quickstart whose stages are all done.

    Returns:
        What ``report.json`` holds. ``seconds`` has every stage's, and as ``total`` the time in
        which at least one was at work; ``attempts`` names the stages that were stopped in between,
        whose seconds are those of the last attempt. Accuracies are shares, 0 to 1.
    """
    records = Records(plan.work_dir)
    done = {stage.name: records[stage.name] for stage in plan.stages()}
    seconds = {name: round(r['end'] - r['start'], 1) for name, r in done.items()}
    seconds['total'] = round(busy([(r['start'], r['end']) for r in done.values()]), 1)
    report: dict[str, Any] = dict(
        data=plan.data,
        seconds=seconds,
        attempts={name: r['attempts'] for name, r in done.items() if r['attempts'] > 1},
        budget=dict(flops=FLOPS, input_size=SEARCH_SIZE),
        **{kind: plan.best(kind) for kind in ('global', 'dense')},
    )
    for task in TASKS:
        report[task] = {arm: done[f'{task}_{arm}']['result'] for arm in ARMS}
    report['classification']['raw_pixels'] = done['raw_pixels']['result']
    return dict(report, machine=machine(), versions=versions())


def busy(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of intervals (start, end)."""
    total, reached = 0.0, float('-inf')
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def as_markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    low, high = report['budget']['flops']
    subnets = [
        [
            kind,
            short_arch(report[kind]['arch']),
            f'{report[kind]["flops"] / 1e6:.1f}',
            f'{report[kind]["params"] / 1e6:.3f}',
            f'{report[kind]["distance"]:.4g}',
        ]
        for kind in ('global', 'dense')
    ]
    figures = [
        [name, *(number(report[task].get(arm, {}).get(figure)) for arm in (*ARMS, 'raw_pixels'))]
        for task, figure, name in FIGURES
    ]
    seconds = [
        [name, f'{value:.0f}{attempts_text(report["attempts"].get(name))}']
        for name, value in report['seconds'].items()
    ]
    paragraphs = [
        '# Quickstart',
        f'Best subnets of {low} to {high} multiply-adds at {report["budget"]["input_size"]} px:',
        table(
            ['search', 'arch (stem width / widths / depths)', 'MFLOPs', 'Mparams', 'distance'],
            subnets,
        ),
        'The same subnet with pretrained and with random weights, trained the same way (dense: '
        'detection and segmentation; global: the probe):',
        table(['', *ARMS, 'raw pixels'], figures),
        ABOUT[report['data']],
        '![detections](detection.png)',
        '![segmentations](segmentation.png)',
        '![global search](search_global/distance.png)',
        '![dense search](search_dense/distance.png)',
        table(['stage', 'seconds'], seconds),
        as_line(report),
    ]
    return '\n\n'.join(paragraphs) + '\n'


def number(value: float | None) -> str:
    """A share as text; empty if undefined."""
    return '' if value is None else f'{value:.3f}'


def attempts_text(attempts: int | None) -> str:
    """A note on a stage that was stopped in between."""
    return f' (the last of {attempts} attempts)' if attempts else ''
