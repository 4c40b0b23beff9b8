# DATA (CVPR 2022): batch 256 on the whole of ImageNet
_base_ = [
    '../_base_/models/mocov2_ar50to101.py',
    '../_base_/datasets/imagenet_mocov2.py',
    '../_base_/schedules/sgd_coslr_200e.py',
    '../_base_/default_runtime.py',
]
