# The same around ResNet-18
_base_ = 'warm_ar26to50_8xb32-coslr-20e_in1k.py'

model = dict(
    backbone=dict(space='ar10to18'),
    teacher=dict(space='ar10to18'),
    components=256,
    neck=dict(in_channels=512, out_channels=256),
)
