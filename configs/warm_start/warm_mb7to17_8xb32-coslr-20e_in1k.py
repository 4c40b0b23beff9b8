# The same around MobileNetV2
_base_ = 'warm_ar26to50_8xb32-coslr-20e_in1k.py'

model = dict(
    backbone=dict(type='DynamicMobileNet', space='mb7to17'),
    teacher=dict(type='DynamicMobileNet', space='mb7to17', out_indices=(1, 2, 4, 6)),
    components=256,
    neck=dict(in_channels=320, out_channels=256),
)
