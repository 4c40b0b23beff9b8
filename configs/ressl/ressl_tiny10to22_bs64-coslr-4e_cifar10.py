# ReSSL (Zheng et al., NeurIPS 2021) on small images, for minutes on a CPU
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_strong_weak.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='DynamicReSSL',
    queue_len=1024,
    feat_dim=64,
    momentum=0.03,
    head=dict(type='RelationHead', temperature=0.1, teacher_temperature=0.04),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=4)
