# what views of small images have in common
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
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    drop_last=True,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
)
