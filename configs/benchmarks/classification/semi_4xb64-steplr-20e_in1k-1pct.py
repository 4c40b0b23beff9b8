"""This subnet finetuned on 1% of ImageNet's labels.

The protocol of OpenSelfSup: 20 epochs, learning rate divided by 5 at 12 and 16, batch 256, weight
decay 5e-4, and the best of a grid: learning rate 0.1, 0.01 or 0.001, the head's 1, 10 or 100 times
as large. These are ``--cfg-options optim_wrapper.optimizer.lr=0.1
optim_wrapper.paramwise_cfg.custom_keys.head.lr_mult=1`` and so on; here is the middle of it.
It reads ``data/imagenet``, of whose training images ``meta/train_labeled_1percent.txt`` names the
labeled ones: a line is a path below ``train`` and a class's number.
"""

_base_ = 'mmpretrain::mocov2/benchmarks/resnet50_8xb32-linear-steplr-100e_in1k.py'

from gaia_ssl import downstream

data_preprocessor, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)

train_dataloader = dict(batch_size=64, dataset=dict(ann_file='meta/train_labeled_1percent.txt'))
optim_wrapper = dict(
    optimizer=dict(lr=0.01, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(head=dict(lr_mult=10))),
)
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[12, 16], gamma=0.2)]
# there are four times as many images to validate on as to train on
train_cfg = dict(max_epochs=20, val_interval=10)
auto_scale_lr = dict(base_batch_size=256)
