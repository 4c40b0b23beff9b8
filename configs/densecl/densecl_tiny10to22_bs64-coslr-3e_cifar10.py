# DenseCL (Wang et al., CVPR 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.DenseCL',
    queue_len=1024,
    feat_dim=64,
    momentum=0.01,
    loss_lambda=0.5,
    neck=dict(
        _delete_=True, type='NormedDenseCLNeck', in_channels=128, hid_channels=256, out_channels=64
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)
train_cfg = dict(max_epochs=3)
