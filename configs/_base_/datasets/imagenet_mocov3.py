_base_ = ['imagenet.py']

crop_flip_and_color = [
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=224,
        interpolation='bicubic',
        backend='pillow',
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomApply',
        transforms=[
            dict(
                type='mmpretrain.ColorJitter', brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1
            )
        ],
        prob=0.8,
    ),
    dict(
        type='RandomGrayscale', prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)
    ),
]
view_pipeline1 = [
    *crop_flip_and_color,
    dict(type='mmpretrain.GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf', prob=1.0),
]
view_pipeline2 = [
    *crop_flip_and_color,
    dict(type='mmpretrain.GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf', prob=0.1),
    dict(type='mmpretrain.Solarize', thr=128, prob=0.2),
]
train_pipeline = [
    dict(type='LoadAnyImage'),
    dict(
        type='mmpretrain.MultiView', num_views=[1, 1], transforms=[view_pipeline1, view_pipeline2]
    ),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
