"""Classification on ImageNet."""

from ..subnet import Subnet
from .common import CUSTOM_IMPORTS, about
from .text import Config


def linear(subnet: Subnet) -> Config:
    """Linear probe: MoCo's protocol, which DATA follows."""
    last = len(subnet.shapes) - 1
    model = dict(
        backbone=subnet.backbone(
            out_indices=(last,), frozen_stages=last + 1, norm_cfg=dict(type='BN')
        ),
        head=dict(in_channels=subnet.shapes[last].channels),
    )
    title = (
        'Linear classifier on the frozen features of this subnet, on ImageNet. The protocol of '
        'MoCo: 100 epochs, learning rate 30, divided by 10 at 60 and 80, batch 256, no weight '
        "decay. The frozen batch norms use the checkpoint's statistics: extract with --calibrate."
    )
    options = '{train,val,test}_dataloader.dataset.data_root'
    return Config(
        about(title, 'mmpretrain', 'data/imagenet', options),
        dict(
            _base_='mmpretrain::mocov2/benchmarks/resnet50_8xb32-linear-steplr-100e_in1k.py',
            custom_imports=CUSTOM_IMPORTS,
            data_preprocessor=subnet.preprocessing('to_rgb'),
            model=model,
        ),
    )
