# The same on CIFAR-10 enlarged to 64 px, for an hour on a CPU
_base_ = [
    '../_base_/models/warm_ar26to50.py',
    '../_base_/datasets/cifar10_one_view.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

load_from = r"""{{$GAIA_SSL_START:work_dirs/start.pth}}"""

model = dict(
    channels_last=True,
    components=256,
    queue_len=1024,
    neck=dict(out_channels=256),
)
view_pipeline = [
    dict(type='mmpretrain.RandomResizedCrop', scale=64, crop_ratio_range=(0.2, 1.0)),
    *_base_.color_and_flip,
]
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=1, transforms=[view_pipeline]),
            dict(type='mmpretrain.PackInputs'),
        ]
    )
)
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(max_epochs=1)
auto_scale_lr = dict(base_batch_size=64)
search = dict(input_size=64)
