# A small supernet that a frozen ResNet-50 teaches on one's own images
_base_ = [
    '../_base_/models/distill_tiny10to22.py',
    '../_base_/datasets/own_images.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

# small images keep their size through the stem
small = dict(stem='3x3', strides=(2, 2, 2, 2))
model = dict(
    channels_last=True,
    backbone=small if _base_.side < 64 else {},
    teacher=dict(input_size=max(64, _base_.side)),
    components=256,
    neck=dict(out_channels=256),
)
# nearly whole images: with a cache the teacher's targets are those of whole ones
whole = dict(type='mmpretrain.RandomResizedCrop', scale=_base_.side, crop_ratio_range=(0.6, 1.0))
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.load,
            dict(type='mmpretrain.MultiView', num_views=1, transforms=[[whole, *_base_.view[1:]]]),
            _base_.pack,
        ]
    )
)
train_cfg = dict(max_epochs=10)
