# one view of each image of the quickstart, as for distillation
_base_ = 'scenes_two_views.py'

one_view = dict(type='mmpretrain.MultiView', num_views=1)
sprites = dict(
    pipeline=[_base_.load, dict(transforms=[_base_.sprite_view], **one_view), _base_.pack]
)
scenes = dict(pipeline=[_base_.load, dict(transforms=[_base_.scene_view], **one_view), _base_.pack])
train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(_base_.sprites, **sprites),
            dict(type='RepeatDataset', times=2, dataset=dict(_base_.scenes, **scenes)),
        ]
    )
)
