# DenseCL (Wang et al., CVPR 2021), settings of mmpretrain's 200-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_mocov2.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.DenseCL',
    queue_len=65536,
    feat_dim=128,
    momentum=0.001,
    loss_lambda=0.5,
    backbone=dict(norm_cfg=dict(type='BN')),
    neck=dict(type='mmpretrain.DenseCLNeck', in_channels=2560, hid_channels=2048, out_channels=128),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)
# only whole images are contrasted until features can match positions
custom_hooks = [dict(type='mmpretrain.DenseCLHook', start_iters=1000)]
train_cfg = dict(max_epochs=200)
