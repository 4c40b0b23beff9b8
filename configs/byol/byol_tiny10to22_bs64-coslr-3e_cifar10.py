# BYOL (Grill et al., NeurIPS 2020) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr_3e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.BYOL',
    base_momentum=0.02,
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
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=64,
            hid_channels=256,
            out_channels=64,
            num_layers=2,
            with_bias=True,
            with_last_bn=False,
            with_last_bias=True,
            norm_cfg=dict(type='BN1d'),
            with_avg_pool=False,
        ),
    ),
)
