# SimSiam (Chen and He, CVPR 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_predictor_cifar10.py',
    '../_base_/datasets/cifar10_two_views.py',
    '../_base_/schedules/adamw_coslr_3e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.SimSiam',
    neck=dict(out_channels=128),
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        predictor=dict(in_channels=128, hid_channels=64, out_channels=128),
    ),
)
# AdamW's steps are too large for a method without negatives: the embeddings lose their rank. A
# predictor that learns faster than the rest keeps it, as BYOL's appendix finds without a target
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.03, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'head.predictor': dict(lr_mult=10)}),
)
