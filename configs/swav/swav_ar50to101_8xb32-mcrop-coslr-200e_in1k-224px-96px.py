# SwAV (Caron et al., NeurIPS 2020), settings of mmpretrain's 200-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_swav.py',
    '../_base_/default_runtime.py',
]

iters_per_epoch = 5004  # of 1,281,167 images in batches of 256
model = dict(
    algorithm='mmpretrain.SwAV',
    queue_len=3840,
    queue_start=15 * iters_per_epoch,
    freeze_iters=5005,
    backbone=dict(zero_init_residual=True),
    neck=dict(
        type='mmpretrain.SwAVNeck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=128,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.SwAVHead',
        loss=dict(type='SwAVLoss', feat_dim=128, epsilon=0.05, temperature=0.1, num_crops=[2, 6]),
    ),
)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='mmpretrain.LARS', lr=0.6))
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min=6e-4, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200)
auto_scale_lr = dict(base_batch_size=256)
