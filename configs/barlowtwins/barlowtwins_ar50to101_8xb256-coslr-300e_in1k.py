# Barlow Twins (Zbontar et al., ICML 2021), settings of mmpretrain's 300-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_byol.py',
    '../_base_/schedules/lars_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.BarlowTwins',
    backbone=dict(zero_init_residual=True),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=8192,
        out_channels=8192,
        num_layers=3,
        with_last_bn=False,
        with_last_bn_affine=False,
        with_avg_pool=True,
        init_cfg=dict(type='Kaiming', distribution='uniform', layer=['Linear']),
    ),
    head=dict(
        type='mmpretrain.LatentCrossCorrelationHead',
        in_channels=8192,
        loss=dict(type='mmpretrain.CrossCorrelationLoss'),
    ),
)
train_dataloader = dict(batch_size=256)
optim_wrapper = dict(
    optimizer=dict(lr=1.6),
    paramwise_cfg=dict(
        custom_keys={
            'bn': dict(lr_mult=0.024),
            'bias': dict(lr_mult=0.024),
            'downsample.1': dict(lr_mult=0.024),
        }
    ),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1.6e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.0016,
        by_epoch=True,
        begin=10,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=300)
auto_scale_lr = dict(base_batch_size=2048)
