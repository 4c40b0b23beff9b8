# one view of each image, as for distillation: nearly the whole image at its own size, since the
# teacher's targets are those of whole images
_base_ = 'cifar10_two_views.py'

view_pipeline = [
    dict(type='mmpretrain.RandomResizedCrop', scale=32, crop_ratio_range=(0.6, 1.0)),
    *_base_.color_and_flip,
]
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=1, transforms=[view_pipeline]),
            dict(type='mmpretrain.PackInputs'),
        ]
    )
)
