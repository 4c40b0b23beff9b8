"""Segmentation on ADE20K."""

from typing import Any

from ..subnet import Subnet
from .common import CUSTOM_IMPORTS, about
from .text import Config


def fcn(subnet: Subnet) -> Config:
    """FCN at output stride 8, 80k iterations."""
    return _segmentor(
        subnet,
        'FCN with this subnet at output stride 8',
        'mmseg::fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py',
        dict(in_channels=subnet.shapes[-1].channels, in_index=len(subnet.pyramid) - 1),
        subnet.family.dilated(output_stride=8),
    )


def upernet(subnet: Subnet) -> Config:
    """UPerNet, 80k iterations."""
    return _segmentor(
        subnet,
        'UPerNet with this subnet',
        'mmseg::upernet/upernet_r50_4xb4-80k_ade20k-512x512.py',
        dict(
            in_channels=[shape.channels for shape in subnet.pyramid.values()],
            in_index=list(range(len(subnet.pyramid))),
        ),
        {},
    )


def _segmentor(
    subnet: Subnet, title: str, base: str, decode_head: dict[str, Any], dilated: dict[str, Any]
) -> Config:
    *_, auxiliary, _ = subnet.pyramid.values()
    model = dict(
        pretrained=None,  # or the base's weights would be downloaded
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(out_indices=tuple(subnet.pyramid), **dilated),
        decode_head=decode_head,
        auxiliary_head=dict(in_channels=auxiliary.channels, in_index=len(subnet.pyramid) - 2),
    )
    title = f'{title} on ADE20K. 80k iterations of 16 crops of 512x512, all layers train.'
    options = '{train,val,test}_dataloader.dataset.data_root'
    return Config(
        about(title, 'mmseg', 'data/ade/ADEChallengeData2016', options),
        dict(_base_=base, custom_imports=CUSTOM_IMPORTS, model=model),
    )
