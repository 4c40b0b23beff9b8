# DATA (CVPR 2022): batch 256 on the whole of ImageNet
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_mocov2.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.MoCo',
    queue_len=65536,
    feat_dim=128,
    momentum=0.001,
    backbone=dict(norm_cfg=dict(type='BN')),
    neck=dict(
        type='mmpretrain.MoCoV2Neck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=128,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)
train_cfg = dict(max_epochs=200)
