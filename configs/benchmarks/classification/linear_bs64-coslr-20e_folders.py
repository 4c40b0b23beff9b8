"""Linear classifier on the frozen features of this subnet, on small images in class folders.

Features are standardised before the classifier, so that one learning rate suits whatever backbone
they come from, and a few hundred images suffice; the protocol for ImageNet is
``linear_8xb32-steplr-100e_in1k.py``. Data and sides are those of
``finetune_bs64-coslr-3e_folders.py``. The frozen batch norms use the checkpoint's statistics:
extract with --calibrate.
"""

_base_ = './finetune_bs64-coslr-3e_folders.py'

from gaia_ssl import downstream

max_epochs = 20
_, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""), frozen=True
)
model['neck'] = [
    dict(type='GlobalAveragePooling'),
    dict(type='ClsBatchNormNeck', input_features=model['head']['in_channels']),
]

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.03, momentum=0.9, weight_decay=0.0),
    clip_grad=None,
)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
default_hooks = dict(checkpoint=dict(interval=max_epochs, max_keep_ckpts=1))
