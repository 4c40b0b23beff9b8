"""This subnet finetuned on CIFAR-100, its images enlarged to 128 pixels.

The settings that DATA released (GAIA-ssl, ``downstream_task_finetune_cifar100.py``): 10,000
iterations of 256 images, learning rate 0.03, divided by 10 at 3,000, 6,000 and 9,000, no weight
decay, crops of 128 from 160 pixels, CutMix with alpha 0.1. All layers train, with synchronised
batch norm, and images are normalised as in the pretraining.
It reads ``data/cifar100/cifar-100-python``.
"""

_base_ = 'mmpretrain::resnet/resnet50_8xb16_cifar100.py'

from gaia_ssl import downstream

data_preprocessor, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)
# CIFAR's images are RGB already
data_preprocessor['to_rgb'] = not data_preprocessor['to_rgb']
model['head']['loss'] = dict(use_soft=True)
model['train_cfg'] = dict(augments=dict(type='CutMix', alpha=0.1))

train_pipeline = [
    dict(type='Resize', scale=160),
    dict(type='RandomCrop', crop_size=128),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='Resize', scale=128), dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=64,
    dataset=dict(pipeline=train_pipeline),
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
)
val_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=0.03, weight_decay=0))
param_scheduler = dict(type='MultiStepLR', by_epoch=False, milestones=[3000, 6000, 9000], gamma=0.1)
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=10000, val_interval=1000)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=5000))
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=256)
