# a strongly and a weakly augmented view, as for ReSSL
_base_ = 'cifar10_two_views.py'

weak_view = [
    dict(type='mmpretrain.RandomResizedCrop', scale=24, crop_ratio_range=(0.2, 1.0)),
    dict(type='RandomFlip', prob=0.5),
]
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(
                type='mmpretrain.MultiView',
                num_views=[1, 1],
                transforms=[_base_.view_pipeline, weak_view],
            ),
            dict(type='mmpretrain.PackInputs'),
        ]
    )
)
