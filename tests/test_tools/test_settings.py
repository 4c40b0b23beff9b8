"""Settings that do not fit cost one line with their field, through the commands."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

MOCO = 'configs/mocov2/mocov2_tiny10to22_bs64-coslr-3e_cifar10.py'
BYOL = 'configs/byol/byol_tiny10to22_bs64-coslr-3e_cifar10.py'
# the base configs keep persistent_workers=True
FAST = ['train_dataloader.num_workers=0', 'train_dataloader.batch_size=4', 'train_cfg.max_epochs=1']
CROP = 'train_dataloader.dataset.pipeline.1.transforms.0.0'


def refusal(done):
    """The one line that a user's mistake cost."""
    assert done.returncode == 2, done.stderr[-2000:]
    assert 'Traceback' not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1
    return lines[0].removeprefix('error: ')


@pytest.fixture(scope='module')
def cifar(tmp_path_factory):
    """Nine images in two classes for training, and as many for testing."""
    root = tmp_path_factory.mktemp('cifar')
    for split in ('train', 'test'):
        for index in range(9):
            place = root / split / 'ab'[index % 2]
            place.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(index).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(place / f'{index}.png')
    return root


@pytest.fixture
def train(command, cifar, tmp_path):
    """Trains for two iterations: ``train(*settings, config=MOCO)``."""

    def call(*settings, config=MOCO, **env):
        queue = ['model.queue_len=8'] if config == MOCO else []
        options = ('--work-dir', tmp_path / 'w', '--cfg-options', *FAST, *queue, *settings)
        env = dict(GAIA_SSL_CIFAR10=str(cifar), **env)
        return command('tools/train.py', config, *options, env=env)

    return call


@pytest.mark.parametrize(
    'settings',
    [['train_dataloader.prefetch_factor=2'], ['default_hooks.health=None'], ['log_processor=None']],
)
def test_what_is_harmless_trains(train, tmp_path, settings):
    done = train(*settings)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / 'w/epoch_1.pth').is_file()


SETTINGS = [
    # dataloader
    ('train_dataloader.shufle=True', 'train_dataloader.shufle: its settings do not fit'),
    ('train_dataloader.batch_size=0', 'train_dataloader: .* batch_size should be a positive'),
    ('train_dataloader.sampler.type=Foo', 'train_dataloader.sampler.type: Foo is not in the'),
    # dataset and pipeline, built or run
    ('train_dataloader.dataset.foo=1', 'train_dataloader.dataset.foo: its settings do not'),
    ('train_dataloader.dataset.pipeline.0.type=Foo', 'train_.*.pipeline.0.type: Foo is not in'),
    (f'{CROP}.scal=3', f'{CROP}.scal: its settings do not fit'),
    (f'{CROP}.crop_ratio_range=[-2,-1]', f'{CROP}: its settings do not fit .ValueError: math'),
    # loop
    ('train_cfg.max_epoch=3', 'train_cfg.max_epoch: its settings do not fit'),
    # optimizer and schedulers
    ('optim_wrapper.optimizer.type=Foo', 'optim_wrapper.optimizer.type: Foo is not in the opt'),
    ('optim_wrapper.optimizer.lrr=1', 'optim_wrapper.optimizer.lrr: its settings do not fit'),
    ('optim_wrapper.clip_grad.max_nrm=1', 'optim_wrapper.clip_grad.max_nrm: its settings'),
    ('optim_wrapper.paramwise_cfg.bias_decay=0', 'optim_wrapper.paramwise_cfg.bias_decay: unk'),
    ('param_scheduler.0.eta_min=x', "param_scheduler.0.eta_min: 'x' is not a number"),
    # hooks
    ('default_hooks.healt.interval=3', 'default_hooks.healt.type: missing; did you mean healt'),
    ('default_hooks.helth=None', 'default_hooks.helth: there is no such hook; did you mean he'),
    ('default_hooks.checkpoint.foo=1', 'default_hooks.checkpoint.foo: unknown setting; def'),
    ('default_hooks.health.num_images=x', "default_hooks.health.num_images: 'x' is not a num"),
    # the rest
    ('visualizer.vis_backends.0.type=DVCLiveVisBackend', 'visualizer: .*pip install dvclive'),
    ('activation_checkpointing=foo', 'activation_checkpointing: the model has no part foo; give'),
    ('model_wrapper_cfg.foo=1', 'model_wrapper_cfg.foo: unknown setting'),
    ('env_cfg.cudnn_benchmar=True', 'env_cfg.cudnn_benchmar: unknown setting'),
    ('val_dataloader.batch_size=3', 'val_cfg: missing; give all of'),
    ('optim_wraper.optimizer.lr=1', '--cfg-options: .* did you mean optim_wrapper?'),
    # batches
    ('train_dataloader.batch_size=1', 'train_dataloader.batch_size: a batch has one image'),
    ('train_dataloader.drop_last=False', 'train_dataloader.drop_last: the last batch .* one i'),
]
MORE_SETTINGS = [
    ('train_dataloader.batch_size=x', 'train_dataloader(.batch_size)?: .*x'),
    ('train_dataloader.collate_fn.type=foo', 'train_dataloader.collate_fn.type: foo is not in'),
    ('train_dataloader.num_workers=-1', 'train_dataloader: .* num_workers option should be'),
    ('train_dataloader.sampler=x', "train_dataloader.sampler: .* has no dict there but 'x'"),
    ('train_dataloader.collate_fn.foo=1', 'train_dataloader.collate_fn.* argument .foo'),
    (f'{CROP}.scale=x', f'{CROP}: its settings do not fit .AssertionError: assert '),
    ('train_cfg.max_epochs=x', "train_cfg.max_epochs: 'x' is not a number"),
    ('train_cfg.max_epochs=0', 'train_cfg: it has no iteration'),
    ('optim_wrapper.optimizer.lr=-1', 'optim_wrapper.optimizer: .* Invalid learning rate'),
    ('param_scheduler.0.T_mx=3', 'param_scheduler.0.T_mx: its settings do not fit'),
    ('default_hooks.timer.foo=1', 'default_hooks.timer.foo: its settings do not fit'),
    ('visualizer.vis_backends.0.foo=1', 'visualizer.vis_backends.0.foo: its settings do not'),
    ('custom_hooks=[1]', 'custom_hooks.0: .* has no dict there but 1'),
    ('log_processor.window_siz=3', 'log_processor.window_siz: its settings do not fit'),
    ('randomness.sed=1', 'randomness.sed: its settings do not fit'),
    ('auto_scale_lr.base_batch_siz=3', 'auto_scale_lr.base_batch_siz: unknown setting'),
    ('data_preprocessor.mean=1', '--cfg-options: .*: model.data_preprocessor.mean is read'),
    ('model.backbone.init_cfg.type=Foo', 'model.backbone.init_cfg.type: Foo is not in the'),
]


def slowly(settings):
    return [pytest.param(*item, marks=pytest.mark.slow) for item in settings]


@pytest.mark.parametrize('setting, line', [*SETTINGS, *slowly(MORE_SETTINGS)])
def test_a_setting_of_a_training(train, tmp_path, setting, line):
    assert re.match(line, refusal(train(setting)))
    assert not list(tmp_path.glob('w/*.pth'))


def test_the_last_batch_of_an_epoch(train):
    """A queue takes whole batches alone; BYOL takes what is left, but for one image."""
    options = ['train_dataloader.drop_last=False', 'train_dataloader.batch_size=6']
    line = refusal(train(*options, 'model.queue_len=12'))
    assert line.startswith('train_dataloader.drop_last: the last batch of an epoch has 3 images')
    line = refusal(train(*options, 'train_dataloader.batch_size=2', config=BYOL))
    assert line.startswith('train_dataloader.drop_last: the last batch of an epoch has one image')
    assert train(*options, config=BYOL).returncode == 0


def test_settings_of_the_wrapper_in_a_process_group(train):
    env = dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='localhost')
    done = train(
        'model_wrapper_cfg.bucket_cap_mb=x', '--launcher', 'pytorch', MASTER_PORT='29653', **env
    )
    assert refusal(done).startswith('model_wrapper_cfg: its settings do not fit')


def test_a_misspelt_section_of_a_file(command, tmp_path):
    (tmp_path / 'config.py').write_text(f"_base_ = '{Path(MOCO).resolve()}'\noptim_wraper = dict()")
    line = refusal(command('tools/train.py', tmp_path / 'config.py'))
    assert line.startswith('optim_wraper: ') and 'did you mean optim_wrapper?' in line


# downstream


@pytest.fixture(scope='module')
def detection(tmp_path_factory, extracted):
    """The config of Mask R-CNN on four images of 64 px."""
    root = tmp_path_factory.mktemp('detection')
    images, boxes = [], []
    for index in range(1, 5):
        pixels = np.random.default_rng(index).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(root / f'{index}.png')
        images.append(dict(id=index, file_name=f'{index}.png', height=64, width=64))
        corners = [[8, 8, 48, 8, 48, 48, 8, 48]]
        box = dict(bbox=[8, 8, 40, 40], area=1600, iscrowd=0, segmentation=corners)
        boxes.append(dict(box, id=index, image_id=index, category_id=1))
    content = dict(images=images, annotations=boxes, categories=[dict(id=1, name='nut')])
    (root / 'boxes.json').write_text(json.dumps(content))
    (root / 'config.py').write_text(f"""
_base_ = '{extracted()}/mmdet_mask-rcnn_fpn_coco.py'
loader = dict(
    _delete_=True,
    batch_size=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        data_root='{root}',
        ann_file='boxes.json',
        data_prefix=dict(img=''),
        metainfo=dict(classes=('nut',)),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='Resize', scale=(64, 64)),
            dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape', 'img_shape')),
        ],
    ),
)
train_dataloader = val_dataloader = test_dataloader = loader
val_evaluator = dict(_delete_=True, type='CocoMetric', ann_file='{root}/boxes.json')
test_evaluator = val_evaluator
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=1)
model = dict(roi_head=dict(bbox_head=dict(num_classes=1), mask_head=dict(num_classes=1)))
""")
    return root / 'config.py'


@pytest.fixture
def downstream(command, detection, tmp_path):
    """Runs a command of downstream.py on the detector: ``downstream('train', *options)``."""

    def call(name, *options, checkpoint=()):
        options = ('--work-dir', tmp_path / 'w', *options)
        return command('tools/benchmarks/downstream.py', name, detection, *checkpoint, *options)

    return call


FITS = 'its settings do not fit'
TRAIN = {
    'model.neck.in_channels=[1,2,3,4]': 'model.neck: does not fit .* 16, 32, 64, 128 channels',
    'val_evaluator.foo=1': f'val_evaluator.foo: {FITS}',
    'optim_wraper.optimizer.lr=3': '--cfg-options: .* did you mean optim_wrapper?',
}
TRAIN_TOO = {
    'model.backbone.out_indices=[0,1]': 'model.neck: .* or model.backbone.out_indices',
    'val_dataloader.dataset.pipeline.2.scale=x': f'val_dataloader.dataset.pipeline.2: {FITS}',
    'model.neck.out_channels=8': 'model.rpn_head: does not fit the features',
    'model.backbone.out_indices=x': 'out_indices: x are not among the stages',
    'model.roi_head.bbox_head.in_channels=3': 'model.roi_head.bbox_head: does not fit',
    'train_dataloader.sampler.type=Foo': 'train_dataloader.sampler.type: Foo is not in the',
    'val_cfg.foo=1': f'val_cfg.foo: {FITS}',
    'train_cfg.max_epoch=3': f'train_cfg.max_epoch: {FITS}',
}
TEST = {'test_evaluator.type=Foo': 'test_evaluator.type: Foo is not in the mmdet::metric registry'}
TEST_TOO = {'test_dataloader.batch_size=0': 'test_dataloader: .* batch_size should be a positive'}


@pytest.mark.parametrize('setting, line', [*TRAIN.items(), *slowly(TRAIN_TOO.items())])
def test_a_setting_of_a_downstream_training(downstream, tmp_path, setting, line):
    assert re.match(line, refusal(downstream('train', '--cfg-options', setting)))
    assert not list(tmp_path.glob('w/*.pth'))


def test_mask_rcnn_in_mixed_precision_on_a_cpu(downstream):
    assert refusal(downstream('train', '--amp')).startswith('amp: RoIAlign of model.roi_head.')


@pytest.mark.parametrize('setting, line', [*TEST.items(), *slowly(TEST_TOO.items())])
def test_a_setting_of_a_downstream_test(downstream, tmp_path, setting, line):
    torch.save(dict(state_dict={}, meta={}), tmp_path / 'x.pth')
    done = downstream('test', '--cfg-options', setting, checkpoint=[tmp_path / 'x.pth'])
    assert re.match(line, refusal(done))


# the other commands


@pytest.mark.parametrize(
    'setting, line',
    [
        ('search.inptu_size=3', 'search.inptu_size: unknown setting'),
        ('search.input_size=x', "search.input_size: 'x' is not a size in pixels"),
        ('search.pipeline=x', "search.pipeline: 'x' is not a list of transforms"),
        ('search=x', "search: .* has no dict there but 'x'"),
        ('model.data_preprocessor.mean=x', 'model.data_preprocessor: its settings do not fit'),
        ('model.backbone=x', "model.backbone: .* has no dict there but 'x'"),
        ('serch.input_size=3', '--cfg-options: .* did you mean search?'),
    ],
)
@pytest.mark.parametrize('name', ['test', pytest.param('extract', marks=pytest.mark.slow)])
def test_a_setting_of_another_command(command, pretraining, cifar, tmp_path, name, setting, line):
    config, checkpoint = pretraining()
    images = cifar / 'train'
    options = dict(
        extract=['--arch', 'MIN', '--out', tmp_path / 'out', '--calibrate', images],
        test=['--train', images, '--val', images, '--archs', 'MIN', '--work-dir', tmp_path / 'out'],
    )
    done = command(f'tools/{name}.py', config, checkpoint, *options[name], '--cfg-options', setting)
    assert re.match(line, refusal(done))
    assert not (tmp_path / 'out').exists()


def test_numbers_of_knn(command, pretraining, cifar, tmp_path):
    config, checkpoint = pretraining()
    folders = ('--train', cifar / 'train', '--val', cifar / 'test', '--work-dir', tmp_path / 'w')
    for setting, line in {'knn.k=x': 'k: x is not positive', 'knn.foo=1': 'knn.foo: unkn'}.items():
        done = command('tools/test.py', config, checkpoint, *folders, '--cfg-options', setting)
        assert refusal(done).startswith(line)
