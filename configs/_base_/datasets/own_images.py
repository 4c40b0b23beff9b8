# images in a folder of one's own, nested or not, without labels. Views have the side that the
# environment names: near that of the images
_base_ = 'small_images.py'

images = r"""{{$GAIA_SSL_IMAGES:data/images}}"""
side = int(r"""{{$GAIA_SSL_SIDE:64}}""")
view = [
    dict(type='mmpretrain.RandomResizedCrop', scale=side, crop_ratio_range=(0.2, 1.0)),
    *_base_.color_and_flip,
]
load, pack = dict(type='LoadAnyImage'), dict(type='mmpretrain.PackInputs')
train_dataloader = dict(
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
