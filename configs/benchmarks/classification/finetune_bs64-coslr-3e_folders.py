"""This subnet finetuned for three epochs on small images in class folders, such as CIFAR-10's.

All layers train, with AdamW. The environment variable ``GAIA_SSL_IMAGES`` names a folder of class
folders, or of two such, ``train`` and ``test`` (or ``val``); of one that is not divided every fifth
image is for validation. The classes are those of the folder. Images are resized to the side that
the subnet was extracted for, or to ``GAIA_SSL_SIDE``.
"""

_base_ = 'mmpretrain::resnet/resnet50_8xb16_cifar10.py'

from gaia_ssl import downstream

data_root = r"""{{$GAIA_SSL_IMAGES:data/cifar10}}"""
folders = downstream.ClassFolders.of(data_root)
subnet = downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
side = int(r"""{{$GAIA_SSL_SIDE:0}}""") or subnet.input_size
num_classes = len(folders.classes)
max_epochs = 3
data_preprocessor, model = downstream.classifier(subnet)
data_preprocessor['num_classes'] = num_classes
model['head']['num_classes'] = num_classes
model['head']['topk'] = (1,)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=side, crop_ratio_range=(0.5, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=side),
    dict(type='PackInputs'),
]
dataset = dict(type='CustomDataset', data_root=data_root, with_label=True)
loader = dict(batch_size=64, num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = dict(
    dataset=dict(_delete_=True, pipeline=train_pipeline, **dataset, **folders.train), **loader
)
val_dataloader = dict(
    dataset=dict(_delete_=True, pipeline=test_pipeline, **dataset, **folders.val), **loader
)
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=5e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=5),
)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=64)
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(checkpoint=dict(interval=max_epochs, max_keep_ckpts=1))
del folders, subnet
