# tiny10to22 for images of 24 to 32 px: MAX is 11.2 M multiply-adds at 32 px, MIN 1.2 M
model = dict(
    type='SupernetSelfSupervisor',
    channels_last=True,
    backbone=dict(type='DynamicResNet', space='tiny10to22', stem='3x3', strides=(2, 2, 2, 2)),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        num_layers=2,
        with_last_bn=True,
        with_last_bn_affine=False,
        norm_cfg=dict(type='BN1d'),
        with_avg_pool=True,
    ),
    arch_sampler=dict(type='SandwichSampler'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
