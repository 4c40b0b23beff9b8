# a supernet for small images, and a neck whose norms spread the embeddings from the start: without
# them a training of minutes ends before the loss falls
_base_ = 'supernet.py'

model = dict(
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=128,
        hid_channels=256,
        out_channels=64,
        num_layers=2,
        with_last_bn=True,
        with_last_bn_affine=False,
        norm_cfg=dict(type='BN1d'),
        with_avg_pool=True,
    ),
)
