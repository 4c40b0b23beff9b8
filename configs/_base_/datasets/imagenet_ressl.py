# the student sees MoCo v2's strong view, which comes first, the teacher a weak one
_base_ = ['imagenet_mocov2.py']

weak_pipeline = [
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=224,
        crop_ratio_range=(0.2, 1.0),
        backend='pillow',
    ),
    dict(type='RandomFlip', prob=0.5),
]
train_pipeline = [
    dict(type='LoadAnyImage'),
    dict(
        type='mmpretrain.MultiView',
        num_views=[1, 1],
        transforms=[_base_.view_pipeline, weak_pipeline],
    ),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
