# as for the paper's space, with grouped convolutions, around ResNeXt-50 to ResNeXt-101
_base_ = 'mocov2_ar50to101_8xb32-coslr-200e_in1k.py'

model = dict(backbone=dict(space='ax50to101'))
