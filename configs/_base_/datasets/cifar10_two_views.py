# CIFAR-10 as tools/dataset_converters/cifar10.py lays it out; training reads no labels
_base_ = 'small_images.py'

data_root = r"""{{$GAIA_SSL_CIFAR10:data/cifar10}}"""
view_pipeline = [
    dict(type='mmpretrain.RandomResizedCrop', scale=24, crop_ratio_range=(0.2, 1.0)),
    *_base_.color_and_flip,
]
train_dataloader = dict(
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
