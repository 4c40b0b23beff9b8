# SimCLR (Chen et al., ICML 2020), settings of mmpretrain's 200-epoch run
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_simclr.py',
    '../_base_/schedules/lars_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.SimCLR',
    backbone=dict(zero_init_residual=True),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=128,
        num_layers=2,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.1,
    ),
)
train_dataloader = dict(batch_size=256)
train_cfg = dict(max_epochs=200)
