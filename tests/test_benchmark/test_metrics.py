"""Figures from trainings' logs."""

import json

import pytest
from mmengine.config import Config

from gaia_ssl.benchmark.metrics import (
    METRICS,
    Metric,
    declared_metrics,
    metrics_of,
    read_evaluation,
    read_loss,
)
from gaia_ssl.utils import UserError


@pytest.fixture
def log(tmp_path):
    """Writes the log of one run of a training."""

    def log(run, *lines):
        path = tmp_path / run / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(json.dumps(line) + '\n' for line in lines))

    return log


def test_the_last_evaluation_of_the_last_run_counts(log, tmp_path):
    train = dict(lr=0.1, loss=2.5, step=1)
    log('20250101_000000', train, {'mIoU': 90.0, 'step': 1})
    log('20250101_000001', train, {'mIoU': 12.0}, train, {'mIoU': 34.56}, dict(train, loss=1.5))
    assert read_evaluation(tmp_path, METRICS['IoUMetric']) == dict(mIoU=0.3456)
    assert read_loss(tmp_path) == 1.5


def test_a_run_that_was_stopped_before_its_evaluation_does_not_hide_an_earlier_one(log, tmp_path):
    log('20250101_000000', {'accuracy/top1': 87.5, 'step': 1})
    log('20250101_000001', dict(lr=0.1, loss=1.0))
    assert read_evaluation(tmp_path, METRICS['Accuracy']) == dict(top1=0.875)


def test_detection_figures_are_shares_already(log, tmp_path):
    figures = {'coco/bbox_mAP': 0.4, 'coco/bbox_mAP_50': 0.625, 'coco/segm_mAP': 0.25}
    log('20250101_000000', dict(figures, **{'coco/bbox_mAP_75': 0.1}))
    expected = dict(bbox_mAP=0.4, bbox_mAP_50=0.625, segm_mAP=0.25)
    assert read_evaluation(tmp_path, METRICS['CocoMetric']) == expected


def test_a_detector_that_finds_nothing_gets_nought(log, tmp_path):
    log('20250101_000000', dict(lr=0.1, loss=1.0), dict(time=0.1, step=1))
    expected = dict(bbox_mAP=0.0, bbox_mAP_50=0.0, segm_mAP=0.0)
    assert read_evaluation(tmp_path, METRICS['CocoMetric']) == expected


def test_what_is_undefined_is_none(log, tmp_path):
    log('20250101_000000', {'mIoU': float('nan')})
    assert read_evaluation(tmp_path, METRICS['IoUMetric']) == dict(mIoU=None)


def test_no_figures_is_an_error(log, tmp_path):
    with pytest.raises(LookupError, match='no such figures in the logs'):
        read_loss(tmp_path)
    log('20250101_000000', {'mIoU': 50.0})
    with pytest.raises(LookupError):
        read_evaluation(tmp_path, METRICS['Accuracy'])


def test_figures_are_those_that_evaluators_are_asked_for():
    boxes = metrics_of([dict(type='CocoMetric', metric='bbox')])
    assert [*boxes] == ['bbox_mAP', 'bbox_mAP_50'] and [*metrics_of([dict(type='X')])] == []
    assert [*metrics_of([dict(type='VOCMetric')])] == ['mAP', 'AP50']
    overlaps = [0.5 + 0.05 * step for step in range(10)]
    coco_like = metrics_of([dict(type='mmdet.VOCMetric', iou_thrs=overlaps)])
    assert [*coco_like] == ['mAP', 'AP50', 'AP75']
    both = metrics_of([dict(type='Accuracy'), dict(type='mmseg.IoUMetric')])
    assert both == METRICS['Accuracy'] | METRICS['IoUMetric']


def test_a_config_declares_the_metrics_of_an_evaluator_of_its_own(log, tmp_path):
    reported = dict(PQ=dict(key='panoptic/PQ', scale=0.01), loss=dict(key='depth/loss'))
    metrics = declared_metrics(Config(dict(reported_metrics=reported)))
    assert metrics == dict(PQ=Metric('panoptic/PQ', 0.01), loss=Metric('depth/loss', 1.0))
    log('20250101_000000', {'panoptic/PQ': 42.5, 'depth/loss': 0.25})
    assert read_evaluation(tmp_path, metrics) == dict(PQ=0.425, loss=0.25)
    assert declared_metrics(Config()) == {}


@pytest.mark.parametrize(
    'reported', [['PQ'], dict(PQ='panoptic/PQ'), dict(PQ=dict(name='PQ')), dict(PQ=dict())]
)
def test_metrics_that_are_declared_otherwise(reported):
    with pytest.raises(UserError, match='reported_metrics: give dict'):
        declared_metrics(Config(dict(reported_metrics=reported)))
