# MoCo v3 (Chen et al., ICCV 2021), settings of mmpretrain's 300-epoch ResNet run; train it --amp
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_mocov3.py',
    '../_base_/schedules/lars_coslr.py',
    '../_base_/default_runtime.py',
]

temperature = 1.0
model = dict(
    algorithm='mmpretrain.MoCoV3',
    base_momentum=0.01,
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=4096,
        out_channels=256,
        num_layers=2,
        with_bias=False,
        with_last_bn=True,
        with_last_bn_affine=False,
        with_last_bias=False,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.MoCoV3Head',
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=256,
            hid_channels=4096,
            out_channels=256,
            num_layers=2,
            with_bias=False,
            with_last_bn=False,
            with_last_bn_affine=False,
            with_last_bias=False,
            with_avg_pool=False,
        ),
        loss=dict(type='mmpretrain.CrossEntropyLoss', loss_weight=2 * temperature),
        temperature=temperature,
    ),
)
train_dataloader = dict(batch_size=512)
train_cfg = dict(max_epochs=300)
