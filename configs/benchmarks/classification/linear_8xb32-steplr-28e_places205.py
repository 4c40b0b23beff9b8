"""Linear classifier on the frozen features of this subnet, on Places205.

The protocol of Goyal et al. (ICCV 2019): 28 epochs, learning rate 0.01, divided by 10 at 7, 14 and
21, batch 256, weight decay 1e-4, a batch norm without weights before the classifier. Features are
the last stage's, averaged over all positions as in later work (SwAV, Caron et al., NeurIPS 2020);
theirs are of every stage. The frozen batch norms use the checkpoint's statistics: extract with
--calibrate. It reads ``data/Places205/{train,val}``, whose images and class numbers
``meta/{train,val}.txt`` lists.
"""

_base_ = 'mmpretrain::mocov2/benchmarks/resnet50_8xb32-linear-steplr-100e_in1k.py'

from gaia_ssl import downstream

data_preprocessor, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""), frozen=True
)
data_preprocessor['num_classes'] = 205
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


def places205(split, pipeline):
    return dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/Places205',
        data_prefix=split,
        ann_file=f'meta/{split}.txt',
        pipeline=pipeline,
    )


train_dataloader = dict(dataset=places205('train', train_pipeline))
val_dataloader = dict(dataset=places205('val', _base_.test_pipeline))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=0.01, weight_decay=1e-4, nesterov=True))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[7, 14, 21], gamma=0.1)]
train_cfg = dict(max_epochs=28)
auto_scale_lr = dict(base_batch_size=256)
