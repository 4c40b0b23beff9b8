# Barlow Twins (Zbontar et al., ICML 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.BarlowTwins',
    neck=dict(out_channels=256, with_last_bn=False),
    head=dict(
        type='mmpretrain.LatentCrossCorrelationHead',
        in_channels=256,
        loss=dict(type='mmpretrain.CrossCorrelationLoss'),
    ),
)
train_cfg = dict(max_epochs=2)
