# as for the paper's space, with basic blocks, around ResNet-18 to ResNet-34
_base_ = 'mocov2_ar50to101_8xb32-coslr-200e_in1k.py'

model = dict(backbone=dict(space='ar18to34'), neck=dict(in_channels=640))
