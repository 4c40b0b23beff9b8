# as for the paper's space, with inverted residuals, around MobileNetV2
_base_ = 'mocov2_ar50to101_8xb32-coslr-200e_in1k.py'

model = dict(backbone=dict(type='DynamicMobileNet', space='mb12to22'), neck=dict(in_channels=320))
