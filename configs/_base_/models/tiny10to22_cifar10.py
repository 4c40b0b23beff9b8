# for images of 24 to 32 px: MAX is 11.2 M multiply-adds at 32 px, MIN 1.2 M
_base_ = 'tiny10to22.py'

model = dict(channels_last=True, backbone=dict(stem='3x3', strides=(2, 2, 2, 2)))
