# two views of single garments and of random crops of scenes: the images of the quickstart
data_root = r"""{{$GAIA_SSL_DATA:work_dirs/quickstart/data}}"""

color_and_flip = [
    dict(
        type='RandomApply',
        transforms=[
            dict(
                type='mmpretrain.ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5, hue=0.3
            )
        ],
        prob=0.8,
    ),
    dict(
        type='RandomGrayscale', prob=0.3, keep_channels=True, channel_weights=(0.114, 0.587, 0.2989)
    ),
    dict(type='RandomFlip', prob=0.5),
]
# 48 px see a garment nearly as large as 64 px show it, at half the cost
sprite_view = [
    dict(type='mmpretrain.RandomResizedCrop', scale=48, crop_ratio_range=(0.3, 1.0)),
    *color_and_flip,
]
scene_view = [
    dict(type='mmpretrain.RandomResizedCrop', scale=48, crop_ratio_range=(0.1, 0.5)),
    *color_and_flip,
]
dataset = dict(type='TrainingImages', data_root=data_root)
load, pack = dict(type='LoadAnyImage'), dict(type='mmpretrain.PackInputs')
two_views = dict(type='mmpretrain.MultiView', num_views=2)
sprites = dict(
    data_prefix='sprites/train',
    pipeline=[load, dict(transforms=[sprite_view], **two_views), pack],
    **dataset,
)
scenes = dict(
    data_prefix='coco/train2017',
    pipeline=[load, dict(transforms=[scene_view], **two_views), pack],
    **dataset,
)
train_dataloader = dict(
    batch_size=128,
    num_workers=1,
    drop_last=True,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    # a scene holds several garments
    dataset=dict(
        type='ConcatDataset',
        datasets=[sprites, dict(type='RepeatDataset', times=2, dataset=scenes)],
    ),
)
