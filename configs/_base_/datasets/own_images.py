# images in a folder of one's own, nested or not, without labels. Views have the side that the
# environment names: near that of the images
images = r"""{{$GAIA_SSL_IMAGES:data/images}}"""
side = int(r"""{{$GAIA_SSL_SIDE:64}}""")
view = [
    dict(type='mmpretrain.RandomResizedCrop', scale=side, crop_ratio_range=(0.2, 1.0)),
    dict(
        type='RandomApply',
        transforms=[
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
load, pack = dict(type='LoadAnyImage'), dict(type='mmpretrain.PackInputs')
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    drop_last=True,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='TrainingImages',
        data_root=images,
        pipeline=[
            load,
            dict(type='mmpretrain.MultiView', num_views=1, transforms=[view]),
            pack,
        ],
    ),
)

# what tools/search.py scores subnets on
search = dict(input_size=side)
