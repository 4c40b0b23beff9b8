# one view of each image, as for distillation
_base_ = 'cifar10_two_views.py'

train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=1, transforms=[_base_.view_pipeline]),
            dict(type='mmpretrain.PackInputs'),
        ]
    )
)
