"""Linear classifier on the frozen features of this subnet, on Places205.

The protocol of Goyal et al. (ICCV 2019): 28 epochs, learning rate 0.01, divided by 10 at 7, 14 and
21, batch 256, weight decay 1e-4, a batch norm without weights before the classifier. Features are
the last stage's, averaged over all positions as in later work (SwAV, Caron et al., NeurIPS 2020);
theirs are of every stage. The frozen batch norms use the checkpoint's statistics: extract with
--calibrate. It reads ``data/Places205/{train,val}``, whose images and class numbers
``meta/{train,val}.txt`` lists.
"""

_base_ = 'mmpretrain::mocov2/benchmarks/resnet50_8xb32-linear-steplr-100e_in1k.py'

from gaia_ssl.export import Subnet, classifier

subnet = Subnet.load('{{$GAIA_SSL_SUBNET:work_dirs/subnet}}')

custom_imports = dict(imports=['gaia_ssl'], allow_failed_imports=False)
data_preprocessor = dict(subnet.preprocessing('to_rgb'), num_classes=205)
model = classifier(subnet, frozen=True)
model['neck'] = [
    dict(type='GlobalAveragePooling'),
    dict(type='ClsBatchNormNeck', input_features=model['head']['in_channels'], affine=False),
]
model['head']['num_classes'] = 205

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow'),
    dict(type='RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
places205 = dict(_delete_=True, type='CustomDataset', data_root='data/Places205')
train_dataloader = dict(
    dataset=dict(places205, data_prefix='train', ann_file='meta/train.txt', pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(
        places205, data_prefix='val', ann_file='meta/val.txt', pipeline=_base_.test_pipeline
    )
)
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=1e-4, nesterov=True))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[7, 14, 21], gamma=0.1)]
train_cfg = dict(max_epochs=28)
auto_scale_lr = dict(base_batch_size=256)

del Subnet, classifier, places205, subnet
