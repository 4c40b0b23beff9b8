"""Linear probe of an extracted subnet on the 64x64 sprites: frozen backbone, pooled features.

The base is the config that ``tools/extract.py`` wrote; only what the sprites' size asks for
differs. Features are standardised before the classifier, so that one learning rate suits whatever
backbone they come from.
"""

_base_ = (
    r"""{{$GAIA_SSL_SUBNET:../../work_dirs/quickstart/subnet_global}}"""
    '/mmpretrain_linear_imagenet.py'
)

data_root = r"""{{$GAIA_SSL_DATA:work_dirs/quickstart/data}}/sprites"""
num_classes = 10
max_epochs = 10

channels = _base_.model.head.in_channels
model = dict(
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=channels),
    ],
    head=dict(num_classes=num_classes, topk=(1,)),
)
data_preprocessor = dict(num_classes=num_classes)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
loader = dict(batch_size=100, num_workers=0, persistent_workers=False, pin_memory=False)
dataset = dict(type='CustomDataset', data_root=data_root)
train_dataloader = dict(
    dataset=dict(_delete_=True, data_prefix='train', pipeline=train_pipeline, **dataset), **loader
)
val_dataloader = dict(
    dataset=dict(_delete_=True, data_prefix='val', pipeline=test_pipeline, **dataset), **loader
)
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=0.3))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=max_epochs, max_keep_ckpts=1),
)
randomness = dict(seed=0)
