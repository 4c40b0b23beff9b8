_base_ = [
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr_3e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='DynamicMoCo',
    channels_last=True,
    queue_len=1024,
    feat_dim=64,
    momentum=0.01,
    backbone=dict(type='DynamicResNet', space='tiny10to22', stem='3x3', strides=(2, 2, 2, 2)),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        with_last_bn_affine=False,
        norm_cfg=dict(type='BN1d'),
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
    arch_sampler=dict(type='SandwichSampler', num_random=1),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
