# CIFAR-10 as tools/dataset_converters/cifar10.py lays it out; training reads no labels
data_root = r"""{{$GAIA_SSL_CIFAR10:data/cifar10}}"""
color_and_flip = [
    dict(
        type='RandomApply',
        transforms=[
            # no contrast: it alone takes as long as all else
            dict(
                type='mmpretrain.ColorJitter',
                brightness=0.4,
                saturation=0.4,
                hue=0.1,
                backend='cv2',
            )
        ],
        prob=0.8,
    ),
    dict(
        type='RandomGrayscale', prob=0.2, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)
    ),
    dict(type='RandomFlip', prob=0.5),
]
view_pipeline = [
    dict(type='mmpretrain.RandomResizedCrop', scale=24, crop_ratio_range=(0.2, 1.0)),
    *color_and_flip,
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    drop_last=True,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='TrainingImages',
        data_root=data_root,
        data_prefix='train',
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=2, transforms=[view_pipeline]),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)

# what tools/test.py and tools/search.py judge subnets on
search = dict(input_size=32)
knn = dict(train=f'{data_root}/train', val=f'{data_root}/test')
