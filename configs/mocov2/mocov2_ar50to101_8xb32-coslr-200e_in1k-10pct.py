# A tenth of ImageNet, named by a list of images as in semi-supervised learning: the authors'
# recommended cheap setting. Each line of the list is a path below data/imagenet/train.
_base_ = ['mocov2_ar50to101_8xb32-coslr-200e_in1k.py']

train_dataloader = dict(dataset=dict(ann_file='meta/train_10percent.txt'))
