"""FCN with this subnet at output stride 8 on VOC12aug: 40k iterations; else the 20k config."""

_base_ = './fcn_d8_4xb4-20k_voc12aug-512x512.py'

max_iters = 40000
train_cfg = dict(max_iters=max_iters, val_interval=4000)
param_scheduler = [
    dict(type='PolyLR', eta_min=1e-4, power=0.9, begin=0, end=max_iters, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=4000))
