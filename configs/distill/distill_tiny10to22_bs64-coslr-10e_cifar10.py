# Distillation of a frozen ResNet-50, which gets the small images at 64 px
_base_ = [
    '../_base_/models/distill_tiny10to22.py',
    '../_base_/datasets/cifar10_one_view.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    channels_last=True,
    backbone=dict(stem='3x3', strides=(2, 2, 2, 2)),
    components=256,
    neck=dict(out_channels=256),
)
train_cfg = dict(max_epochs=10)
