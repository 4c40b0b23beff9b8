# MoCo v2 (Chen et al., 2020) on one's own images: for want of a teacher and of a network
_base_ = [
    '../_base_/models/tiny10to22.py',
    '../_base_/datasets/own_images.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

# small images keep their size through the stem
small = dict(stem='3x3', strides=(2, 2, 2, 2))
model = dict(
    algorithm='mmpretrain.MoCo',
    channels_last=True,
    backbone=small if _base_.side < 64 else {},
    queue_len=1024,
    feat_dim=64,
    momentum=0.01,
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.load,
            dict(type='mmpretrain.MultiView', num_views=2, transforms=[_base_.view]),
            _base_.pack,
        ]
    )
)
train_cfg = dict(max_epochs=20)
