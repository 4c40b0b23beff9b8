# BYOL (Grill et al., NeurIPS 2020) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_predictor_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.BYOL',
    base_momentum=0.02,
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
    ),
)
train_cfg = dict(max_epochs=3)
