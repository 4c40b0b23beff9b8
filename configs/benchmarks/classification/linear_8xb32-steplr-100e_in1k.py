"""Linear classifier on the frozen features of this subnet, on ImageNet.

The protocol of MoCo (He et al., CVPR 2020): 100 epochs, learning rate 30, divided by 10 at 60 and
80, batch 256, no weight decay. The frozen batch norms use the checkpoint's statistics: extract
with --calibrate. It reads ``data/imagenet``.
"""

_base_ = 'mmpretrain::mocov2/benchmarks/resnet50_8xb32-linear-steplr-100e_in1k.py'

from gaia_ssl import downstream

data_preprocessor, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""), frozen=True
)

auto_scale_lr = dict(base_batch_size=256)
