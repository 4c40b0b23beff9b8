# The same around ResNeXt-50 32x4d
_base_ = 'warm_ar26to50_8xb32-coslr-20e_in1k.py'

model = dict(backbone=dict(space='ax26to50'), teacher=dict(space='ax26to50'))
