# SimSiam (Chen and He, CVPR 2021), settings of mmpretrain's 200-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_mocov2.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

lr = 0.05
model = dict(
    algorithm='mmpretrain.SimSiam',
    backbone=dict(zero_init_residual=True),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=2048,
        num_layers=3,
        with_last_bn_affine=False,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.LatentPredictHead',
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=2048,
            hid_channels=512,
            out_channels=2048,
            with_avg_pool=False,
            with_last_bn=False,
            with_last_bias=True,
        ),
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=lr), paramwise_cfg=dict(custom_keys=dict(predictor=dict(fix_lr=True)))
)
# the predictor's learning rate stays where it starts
custom_hooks = [dict(type='mmpretrain.SimSiamHook', priority='HIGH', fix_pred_lr=True, lr=lr)]
train_cfg = dict(max_epochs=200)
