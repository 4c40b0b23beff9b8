# The same around ResNet-101
_base_ = 'warm_ar26to50_8xb32-coslr-20e_in1k.py'

model = dict(backbone=dict(space='ar26to101'), teacher=dict(space='ar26to101'))
