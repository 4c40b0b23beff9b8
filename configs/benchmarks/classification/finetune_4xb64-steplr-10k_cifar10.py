"""This subnet finetuned on CIFAR-10, its images enlarged to 128 pixels.

The settings are those of the config for CIFAR-100.
It reads ``data/cifar10/cifar-10-batches-py``.
"""

_base_ = './finetune_4xb64-steplr-10k_cifar100.py'

data_preprocessor = dict(num_classes=10)
model = dict(head=dict(num_classes=10))
train_dataloader = dict(dataset=dict(type='CIFAR10', data_root='data/cifar10'))
val_dataloader = dict(dataset=dict(type='CIFAR10', data_root='data/cifar10'))
test_dataloader = val_dataloader
