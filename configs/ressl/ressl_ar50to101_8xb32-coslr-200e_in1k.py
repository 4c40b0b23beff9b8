# ReSSL (Zheng et al., NeurIPS 2021), the paper's 200-epoch setting: batch 256, learning rate 0.05
# after five epochs of warm-up, queue of 131072, teacher at temperature 0.04 and momentum 0.999
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_ressl.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='DynamicReSSL',
    queue_len=131072,
    feat_dim=512,
    momentum=0.001,
    backbone=dict(norm_cfg=dict(type='BN')),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=4096,
        out_channels=512,
        num_layers=2,
        with_bias=True,
        with_last_bn=False,
        with_last_bias=True,
        with_avg_pool=True,
        norm_cfg=dict(type='BN1d'),
    ),
    head=dict(type='RelationHead', temperature=0.1, teacher_temperature=0.04),
)
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=5,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=200)
