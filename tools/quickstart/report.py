"""The report of a quickstart: ``report.json``, ``report.md``."""

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

from plan import ARMS, FLOPS, METRICS, SEARCH_SIZE, Plan
from stages import Pipeline, Records, write_json

PACKAGES = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain')
ROWS = (  # task, figure, what a reader calls it, how it is written
    ('detection', 'bbox_mAP', 'Mask R-CNN box mAP', '.3f'),
    ('detection', 'bbox_mAP_50', 'Mask R-CNN box mAP50', '.3f'),
    ('detection', 'segm_mAP', 'Mask R-CNN mask mAP', '.3f'),
    ('segmentation', 'mIoU', 'FCN mIoU', '.3f'),
    ('classification', 'top1', 'linear probe top-1', '.3f'),
)
# mmseg and mmpretrain write percent; the report holds shares throughout
SCALE = dict(mIoU=0.01, top1=0.01)


def write_report(plan: Plan, pipeline: Pipeline) -> str:
    """Write both files.

    Args:
        plan: The quickstart.
        pipeline: Its stages, all done.

    Returns:
        The text of ``report.md``.
    """
    report = make_report(plan, pipeline.records, [stage.name for stage in pipeline.stages])
    text = as_markdown(report)
    write_json(plan.work_dir / 'report.json', report)
    draft = plan.work_dir / 'report.md.tmp'
    draft.write_text(text)
    os.replace(draft, plan.work_dir / 'report.md')
    return text


def make_report(plan: Plan, records: Records, names: list[str]) -> dict[str, Any]:
    """Gather every figure.

    Args:
        plan: The quickstart.
        records: What the stages left.
        names: Names of the stages, in order.

    Returns:
        What ``report.json`` holds. ``seconds`` has every stage's, and as ``total`` the time in
        which at least one was at work. Accuracies are shares, 0 to 1.
    """
    done = {name: records[name] for name in names}
    seconds = {name: round(r['end'] - r['start'], 1) for name, r in done.items()}
    seconds['total'] = round(busy([(r['start'], r['end']) for r in done.values()]), 1)
    report = dict(
        data=plan.data,
        seconds=seconds,
        attempts={name: r['attempts'] for name, r in done.items() if r['attempts'] > 1},
        budget=dict(flops=FLOPS, input_size=SEARCH_SIZE),
        **{task: plan.best(task) for task in ('global', 'dense')},
    )
    for task in METRICS:
        report[task] = {arm: as_shares(done[f'{task}_{arm}']['result']) for arm in ARMS}
    report['classification']['raw_pixels'] = as_shares(done['raw_pixels']['result'])
    report.update(machine=machine(), versions=versions())
    return report


def as_shares(figures: dict[str, float | None]) -> dict[str, float | None]:
    """Figures with percent turned into shares."""
    return {
        name: value if value is None else round(value * SCALE.get(name, 1), 4)
        for name, value in figures.items()
    }


def busy(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of intervals (start, end)."""
    total, reached = 0.0, float('-inf')
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def machine() -> dict[str, Any]:
    """What it ran on."""
    cpu = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        models = [line for line in info.read_text().splitlines() if line.startswith('model name')]
        cpu = models[0].partition(':')[2].strip() if models else cpu
    return dict(cpu=cpu, cores=len(os.sched_getaffinity(0)), system=platform.platform())


def versions() -> dict[str, str]:
    """Versions of Python and of what matters, under whatever name it was installed."""
    distributions = importlib.metadata.packages_distributions()
    found = {
        name: importlib.metadata.version(distributions[name][0])
        for name in PACKAGES
        if name in distributions
    }
    return dict(python=platform.python_version(), **found)


def arch_text(arch: dict[str, Any]) -> str:
    """``12 / 16-32-64-128 / 2-3-3-2``: stem width, widths, depths."""
    values = (v if isinstance(v, list) else [v] for v in arch.values())
    return ' / '.join('-'.join(map(str, value)) for value in values)


def as_markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    low, high = report['budget']['flops']
    lines = [
        '# Quickstart',
        '',
        f'Best subnets of {low} to {high} multiply-adds at {report["budget"]["input_size"]} px:',
        '',
        '| search | arch (stem width / widths / depths) | MFLOPs | Mparams | distance |',
        '|---|---|---|---|---|',
    ]
    for task in ('global', 'dense'):
        best = report[task]
        lines.append(
            f'| {task} | {arch_text(best["arch"])} | {best["flops"] / 1e6:.1f} | '
            f'{best["params"] / 1e6:.3f} | {best["distance"]:.4g} |'
        )
    lines += [
        '',
        'The same subnet with pretrained and with random weights, trained alike (dense: detection '
        'and segmentation; global: the probe):',
        '',
        '| | pretrained | random | raw pixels |',
        '|---|---|---|---|',
    ]
    for task, figure, label, style in ROWS:
        values = [report[task].get(arm, {}).get(figure) for arm in (*ARMS, 'raw_pixels')]
        cells = ['' if value is None else format(value, style) for value in values]
        lines.append(f'| {label} | {" | ".join(cells)} |')
    if report['data'] == 'scenes':
        lines += ['', 'mIoU is over four background textures and five garments.']
    else:
        lines += [
            '',
            'Detection and segmentation are of 15 training and 5 validation photographs: they show '
            'that everything runs, nothing more.',
        ]
    lines += ['', '![detections](detection.png)', '', '![segmentations](segmentation.png)']
    lines += ['', '![global search](search_global/distance.png)']
    lines += [
        '',
        '![dense search](search_dense/distance.png)',
        '',
        '| stage | seconds |',
        '|---|---|',
    ]
    for name, value in report['seconds'].items():
        attempts = report['attempts'].get(name)
        note = f' (the last of {attempts} attempts)' if attempts else ''
        lines.append(f'| {name} | {value:.0f}{note} |')
    about = ', '.join(f'{name} {version}' for name, version in report['versions'].items())
    where = report['machine']
    lines += ['', f'{where["cores"]} cores of {where["cpu"]}; {about}.', '']
    return '\n'.join(lines)


def load_report(work_dir: Path) -> dict[str, Any]:
    """Read a report."""
    return json.loads((work_dir / 'report.json').read_text())
