# with the head's predictor of the methods that predict one view's embedding from the other's
_base_ = 'tiny10to22_cifar10.py'

model = dict(
    head=dict(
        predictor=dict(
            type='mmpretrain.NonLinearNeck',
            in_channels=64,
            hid_channels=256,
            out_channels=64,
            num_layers=2,
            with_bias=True,
            with_last_bn=False,
            with_last_bias=True,
            norm_cfg=dict(type='BN1d'),
            with_avg_pool=False,
        )
    )
)
