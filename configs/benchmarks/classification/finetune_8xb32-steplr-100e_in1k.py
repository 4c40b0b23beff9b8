"""This subnet finetuned on ImageNet.

The supervised schedule of mmpretrain (Goyal et al., 2017): 100 epochs, learning rate 0.1, divided
by 10 at 30, 60 and 90, batch 256. All layers train, with synchronised batch norm.
It reads ``data/imagenet``.
"""

_base_ = 'mmpretrain::resnet/resnet50_8xb32_in1k.py'

from gaia_ssl import downstream

data_preprocessor, model = downstream.classifier(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)
