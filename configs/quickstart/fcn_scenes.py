"""FCN with an extracted subnet on the 128x128 scenes, sized for a minute or two on one CPU core.

The base is the config that ``tools/extract.py`` wrote; only what the scenes' size asks for differs.
"""

_base_ = r"""{{$GAIA_SSL_SUBNET:../../work_dirs/quickstart/subnet_dense}}/mmseg_fcn_ade20k.py"""

data_root = r"""{{$GAIA_SSL_DATA:work_dirs/quickstart/data}}/ade"""
# what the label PNGs hold: four background textures, then five garments
metainfo = dict(
    classes=('plain', 'stripes', 'checks', 'clouds', 'top', 'trouser', 'dress', 'shoe', 'bag'),
    palette=[
        [200, 200, 200],
        [120, 120, 200],
        [200, 160, 90],
        [120, 180, 200],
        [220, 20, 60],
        [0, 130, 60],
        [250, 170, 30],
        [0, 60, 230],
        [160, 40, 160],
    ],
)
num_classes = 9
max_iters = 640
size = (128, 128)

# garments cover a seventh of the pixels: they count three times
class_weight = [1.0] * 4 + [3.0] * 5
model = dict(
    data_preprocessor=dict(size=size),
    decode_head=dict(
        channels=64, num_classes=num_classes, loss_decode=dict(class_weight=class_weight)
    ),
    auxiliary_head=dict(channels=32, num_classes=num_classes),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
]
# ADE20K's layout with other classes, which ADE20KDataset itself does not allow
dataset = dict(
    type='BaseSegDataset',
    data_root=data_root,
    metainfo=metainfo,
    reduce_zero_label=True,
    img_suffix='.jpg',
    seg_map_suffix='.png',
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=train_pipeline, **dataset),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=test_pipeline, **dataset),
)
test_dataloader = val_dataloader

optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=5e-3, weight_decay=0.01)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', T_max=max_iters, eta_min=1e-5, by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(
    logger=dict(interval=20), checkpoint=dict(interval=max_iters, max_keep_ckpts=1)
)
randomness = dict(seed=0)
