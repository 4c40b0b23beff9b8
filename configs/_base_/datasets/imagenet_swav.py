# two large and six small crops
_base_ = ['imagenet.py']

color_and_flip = [
    dict(
        type='RandomApply',
        transforms=[
            dict(
                type='mmpretrain.ColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2
            )
        ],
        prob=0.8,
    ),
    dict(
        type='RandomGrayscale', prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)
    ),
    dict(type='mmpretrain.GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf', prob=0.5),
    dict(type='RandomFlip', prob=0.5),
]
large_pipeline = [
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.14, 1.0),
        backend='pillow',
    ),
    *color_and_flip,
]
small_pipeline = [
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=96,
        crop_ratio_range=(0.05, 0.14),
        backend='pillow',
    ),
    *color_and_flip,
]
train_pipeline = [
    dict(type='LoadAnyImage'),
    dict(
        type='mmpretrain.MultiView', num_views=[2, 6], transforms=[large_pipeline, small_pipeline]
    ),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
