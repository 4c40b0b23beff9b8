# MoCo v3 (Chen et al., ICCV 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_predictor_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.MoCoV3',
    base_momentum=0.02,
    head=dict(
        type='mmpretrain.MoCoV3Head',
        loss=dict(type='mmpretrain.CrossEntropyLoss', loss_weight=0.4),
        temperature=0.2,
    ),
)
train_cfg = dict(max_epochs=2)
