# Adapts the subnets of a ResNet-50 to images without labels
_base_ = [
    '../_base_/models/warm_ar26to50.py',
    '../_base_/datasets/imagenet_distill.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

load_from = r"""{{$GAIA_SSL_START:work_dirs/start.pth}}"""

# MAX stays near where it starts
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(max_epochs=20)
