# BYOL (Grill et al., NeurIPS 2020), settings of mmpretrain's 200-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_byol.py',
    '../_base_/schedules/lars_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.BYOL',
    base_momentum=0.01,
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=4096,
        out_channels=256,
        num_layers=2,
        with_bias=True,
        with_last_bn=False,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.LatentPredictHead',
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=256,
            hid_channels=4096,
            out_channels=256,
            num_layers=2,
            with_bias=True,
            with_last_bn=False,
            with_avg_pool=False,
        ),
        loss=dict(type='mmpretrain.CosineSimilarityLoss'),
    ),
)
train_dataloader = dict(batch_size=256)
train_cfg = dict(max_epochs=200)
