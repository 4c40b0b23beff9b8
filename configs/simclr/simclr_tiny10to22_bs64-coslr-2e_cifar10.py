# SimCLR (Chen et al., ICML 2020) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.SimCLR',
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)
train_cfg = dict(max_epochs=2)
