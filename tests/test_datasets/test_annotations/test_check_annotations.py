"""Annotations of several dataloaders and their evaluators."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, METRICS, DefaultScope

from gaia_ssl.datasets.annotations import Names, check_annotations
from gaia_ssl.utils import UserError

CLASSES = ('cat', 'dog')


@pytest.fixture
def config(tmp_path, coco):
    """Make the config of a detector's data: ``config(classes=CLASSES, **evaluator)``."""

    def make(classes=CLASSES, change=None, **evaluator):
        coco(change)
        dataset = dict(
            type='CocoDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img='images'),
            ann_file='a.json',
            metainfo=dict(classes=classes),
        )
        masks = [dict(type='LoadAnnotations', with_mask=True)]
        judged = dict(type='CocoMetric', ann_file=str(tmp_path / 'a.json'), **evaluator)
        return Config(
            dict(
                default_scope='mmdet',
                train_dataloader=dict(
                    dataset=dict(
                        type='ClassBalancedDataset',
                        oversample_thr=0.1,
                        dataset=dict(dataset, pipeline=masks),
                    )
                ),
                val_dataloader=dict(dataset=dataset),
                val_evaluator=[dict(type='DumpResults'), judged],
            )
        )

    return make


def check(config, trained=None):
    return check_annotations(config, ['train_dataloader', 'val_dataloader'], trained)


def test_one_file_is_read_once(config):
    files = check(config())
    assert len(files.read) == 1 and len(files.users) == 3


def test_all_settings_name_the_completed_file(tmp_path, config):
    config = config(change=lambda content: content['annotations'][0].pop('iscrowd'))
    with pytest.warns(UserWarning, match='"iscrowd" is missing in 1 of 4 annotations'):
        check(config).use_completed(str(tmp_path / 'work'))
    new = str(tmp_path / 'work' / 'annotations' / '0_a.json')
    assert config.train_dataloader.dataset.dataset.ann_file == new
    assert config.val_dataloader.dataset.ann_file == config.val_evaluator[1].ann_file == new
    check(config)
    assert all(a['iscrowd'] == 0 for a in json.loads(open(new).read())['annotations'])


def test_mmdet_takes_the_completed_file(tmp_path, config):
    """It reads the annotations and judges detections that equal them."""

    def drop(content):
        content['annotations'][0]['id'] = 0  # pycocotools would take it for "no match"
        for annotation in content['annotations']:
            del annotation['area'], annotation['iscrowd']

    config = config(change=drop, metric='bbox')
    (tmp_path / 'a.json').write_text('\ufeff' + (tmp_path / 'a.json').read_text(), 'utf-8')
    message = 'byte-order mark is dropped; "iscrowd" is .*; "area" is .*; "id" 0 .* as 5, since'
    with pytest.warns(UserWarning, match=message):
        check(config).use_completed(str(tmp_path / 'work'))
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(dict(config.val_dataloader.dataset, test_mode=True))
        metric = METRICS.build(config.val_evaluator[1])
    metric.dataset_meta = dataset.metainfo
    samples = []
    for item in map(dataset.get_data_info, range(len(dataset))):
        found = item['instances']
        predicted = dict(
            bboxes=torch.tensor([one['bbox'] for one in found], dtype=torch.float),
            labels=torch.tensor([one['bbox_label'] for one in found]),
            scores=torch.ones(len(found)),
        )
        sample = dict(img_id=item['img_id'], ori_shape=(16, 16), pred_instances=predicted)
        samples.append(sample)
    metric.process({}, samples)
    assert metric.evaluate(2)['coco/bbox_mAP'] == 1


def test_mmdet_takes_sizes_that_were_completed(tmp_path, config):
    def drop(content):
        for image in content['images']:
            del image['height'], image['width']

    config = config(change=drop, metric='segm')
    with pytest.warns(UserWarning, match='"height" and "width" of 2 of 2 images are missing or'):
        check(config).use_completed(str(tmp_path / 'work'))
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(config.val_dataloader.dataset)
    assert [dataset.get_data_info(i)['height'] for i in range(2)] == [16, 16]


def test_names_of_the_training(config):
    check(config(), Names('the training of x.pth', CLASSES))
    with pytest.raises(
        UserError, match='^train_.*: its classes, .* of x.pth, are in another order'
    ):
        check(config(), Names('the training of x.pth', ('dog', 'cat')))


def test_masks_are_looked_at_where_they_are_read(config):
    config = config(change=lambda content: content['annotations'][0].pop('segmentation'))
    with pytest.raises(UserError, match=r'annotations\[0\] has no "segmentation"'):
        check(config)
    config.train_dataloader.dataset.dataset.pipeline = []
    check(config)


def test_masks_are_looked_at_where_they_are_judged(config):
    config = config(
        change=lambda content: content['annotations'][0].pop('segmentation'),
        metric=['bbox', 'segm'],
    )
    config.train_dataloader.dataset.dataset.pipeline = []
    with pytest.raises(UserError, match=r'annotations\[0\] has no "segmentation"'):
        check(config)


def test_an_evaluator_has_the_images_of_its_dataset(tmp_path, config, coco):
    config = config()
    coco(lambda content: content['images'].pop(), 'b.json')
    config.val_evaluator[1].ann_file = str(tmp_path / 'b.json')
    with pytest.raises(
        UserError, match='^val_evaluator.ann_file: .*b.json lacks 1 images .*"id" 2'
    ):
        check(config)
    config.val_evaluator[1].ann_file = '/nowhere.json'
    with pytest.raises(
        UserError, match='^val_evaluator.ann_file: /nowhere.json does not exist; set'
    ):
        check(config)


def test_predictions_alone_need_no_annotations(config):
    config = config(change=lambda content: content.pop('annotations'), format_only=True)
    check_annotations(config, ['val_dataloader'])
