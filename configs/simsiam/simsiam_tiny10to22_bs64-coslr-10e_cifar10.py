# SimSiam (Chen and He, CVPR 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_predictor_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.SimSiam',
    neck=dict(out_channels=128),
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        # 256 hidden channels; the paper's bottleneck did worse here
        predictor=dict(in_channels=128, out_channels=128),
    ),
)
# a predictor that learns faster than the rest, as BYOL's appendix finds without a target network
optim_wrapper = dict(
    optimizer=dict(lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(custom_keys={'head.predictor': dict(lr_mult=60)}),
)
train_cfg = dict(max_epochs=10)
