# one view of each image, augmented as MoCo v2's
_base_ = ['imagenet_mocov2.py']

train_pipeline = [
    dict(type='LoadAnyImage'),
    dict(type='mmpretrain.MultiView', num_views=1, transforms=[_base_.view_pipeline]),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
