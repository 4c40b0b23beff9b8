# A supernet that starts from a ResNet-50 and adapts to one's own images
_base_ = [
    '../_base_/models/warm_ar26to50.py',
    '../_base_/datasets/own_images.py',
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
# MAX stays near where it starts
optim_wrapper = dict(optimizer=dict(lr=0.01))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(max_epochs=5)
auto_scale_lr = dict(base_batch_size=64)
