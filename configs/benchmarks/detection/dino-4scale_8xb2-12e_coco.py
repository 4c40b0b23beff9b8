"""DINO (Zhang et al., ICLR 2023) with this subnet on COCO, 12 epochs.

The base's own schedule and scales; all layers of the backbone train, with synchronised batch norm.
It reads ``data/coco/``.
"""

_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'

from gaia_ssl import downstream


def dino(subnet):
    return dict(
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(out_indices=tuple(subnet.pyramid)[1:]),
        neck=dict(in_channels=subnet.channels[1:], num_outs=len(subnet.channels)),
    )


model = dino(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
