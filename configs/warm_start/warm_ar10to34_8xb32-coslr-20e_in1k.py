# The same around ResNet-34
_base_ = 'warm_ar26to50_8xb32-coslr-20e_in1k.py'

model = dict(
    backbone=dict(space='ar10to34'),
    teacher=dict(space='ar10to34'),
    components=256,
    neck=dict(in_channels=512, out_channels=256),
)
