"""This subnet finetuned on 10% of ImageNet's labels.

The protocol and its grid are those of the config for 1%.
It reads ``data/imagenet``, of whose training images ``meta/train_labeled_10percent.txt`` names the
labeled ones: a line is a path below ``train`` and a class's number.
"""

_base_ = './semi_4xb64-steplr-20e_in1k-1pct.py'

train_dataloader = dict(dataset=dict(ann_file='meta/train_labeled_10percent.txt'))
