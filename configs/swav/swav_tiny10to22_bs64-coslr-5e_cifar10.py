# SwAV (Caron et al., NeurIPS 2020) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.SwAV',
    freeze_iters=100,
    neck=dict(
        _delete_=True,
        type='mmpretrain.SwAVNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        norm_cfg=dict(type='BN1d'),
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.SwAVHead',
        loss=dict(
            type='SwAVLoss',
            feat_dim=64,
            epsilon=0.05,
            temperature=0.1,
            num_crops=[2, 0],
            # no more than images in a batch, so that no queue is needed
            num_prototypes=64,
        ),
    ),
)
train_cfg = dict(max_epochs=5)
