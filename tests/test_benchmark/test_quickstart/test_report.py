"""The report, from made-up records."""

import json

import pytest

from gaia_ssl.benchmark.quickstart.plan import make_plan
from gaia_ssl.benchmark.quickstart.report import busy, make_report, write_report
from gaia_ssl.benchmark.stages import Records
from gaia_ssl.utils.markdown import table

ARCHS = {
    'global': dict(stem_width=12, width=[16, 32, 64, 128], depth=[2, 3, 3, 2]),
    'dense': dict(stem_width=8, width=[8, 16, 32, 64], depth=[1, 1, 1, 1]),
}
RESULTS = dict(
    detection_pretrained=dict(bbox_mAP=0.25, bbox_mAP_50=0.5, segm_mAP=0.125),
    detection_random=dict(bbox_mAP=0.2, bbox_mAP_50=0.4, segm_mAP=0.1),
    segmentation_pretrained=dict(mIoU=0.375),
    segmentation_random=dict(mIoU=None),
    classification_pretrained=dict(top1=0.875),
    classification_random=dict(top1=0.75),
    raw_pixels=dict(top1=0.8125),
)


@pytest.fixture
def plan(tmp_path):
    """A quickstart whose stages took ten seconds each, two at a time."""
    plan = make_plan(tmp_path, 'scenes', False)
    records = Records(tmp_path)
    for k, stage in enumerate(plan.stages()):
        start = 100.0 + 10 * (k // 2)
        records[stage.name] = dict(
            start=start, end=start + 10, attempts=1, result=RESULTS.get(stage.name, {})
        )
    records['pretrain'] = dict(records['pretrain'], attempts=2)
    for kind, arch in ARCHS.items():
        folder = tmp_path / f'search_{kind}'
        folder.mkdir()
        best = dict(arch=arch, flops=20_250_000, params=456_000, distance=0.0321, rank=1)
        found = dict(meta={}, subnets=[best, dict(best, distance=0.5)], anchors=[])
        (folder / 'search.json').write_text(json.dumps(found))
    return plan


def test_every_field(plan):
    report = make_report(plan)
    names = [stage.name for stage in plan.stages()]
    assert list(report['seconds']) == [*names, 'total']
    assert {report['seconds'][name] for name in names} == {10.0}
    assert report['seconds']['total'] == 10.0 * -(-len(names) // 2)
    assert report['attempts'] == dict(pretrain=2)
    for kind, arch in ARCHS.items():
        expected = dict(arch=arch, flops=20_250_000, params=456_000, distance=0.0321)
        assert report[kind] == expected
    assert report['detection'] == dict(
        pretrained=RESULTS['detection_pretrained'], random=RESULTS['detection_random']
    )
    assert report['segmentation'] == dict(pretrained=dict(mIoU=0.375), random=dict(mIoU=None))
    assert report['classification'] == dict(
        pretrained=dict(top1=0.875), random=dict(top1=0.75), raw_pixels=dict(top1=0.8125)
    )
    assert report['budget']['input_size'] == 128 and len(report['budget']['flops']) == 2
    assert report['machine']['cores'] >= 1 and report['machine']['cpu']
    assert {'python', 'torch', 'mmengine', 'mmdet'} <= set(report['versions'])


def test_both_files(plan):
    text = write_report(plan)
    assert json.loads((plan.work_dir / 'report.json').read_text())['data'] == 'scenes'
    assert (plan.work_dir / 'report.md').read_text() == text
    assert '| Mask R-CNN box mAP50 | 0.500 | 0.400 |  |' in text
    assert '| FCN mIoU | 0.375 |  |  |' in text
    assert '| linear probe top-1 | 0.875 | 0.750 | 0.812 |' in text
    assert '| dense | 8 / 8-16-32-64 / 1-1-1-1 | 20.2 | 0.456 | 0.0321 |' in text
    assert '| pretrain | 10 (the last of 2 attempts) |' in text
    for picture in ('detection', 'segmentation', 'search_global/distance', 'search_dense/distance'):
        assert f']({picture}.png)' in text


@pytest.mark.parametrize(
    'intervals, total',
    [([], 0), ([(0, 2), (1, 3)], 3), ([(5, 6), (0, 2)], 3), ([(0, 9), (1, 2), (3, 4)], 9)],
)
def test_time_at_work_counts_once(intervals, total):
    assert busy(intervals) == total


def test_table():
    assert table(['a', 'b'], [['1', ''], ['2', 'x']]) == (
        '| a | b |\n| --- | --- |\n| 1 |  |\n| 2 | x |'
    )
