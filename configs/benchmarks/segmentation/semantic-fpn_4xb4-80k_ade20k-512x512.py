"""Semantic FPN (Kirillov et al., CVPR 2019) with this subnet on ADE20K.

80k iterations of 16 crops of 512x512. All layers train. It reads ``data/ade/ADEChallengeData2016``.
"""

_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    'mmseg::_base_/datasets/ade20k.py',
    'mmseg::_base_/default_runtime.py',
    'mmseg::_base_/schedules/schedule_80k.py',
]

from gaia_ssl import downstream


def semantic_fpn(subnet):
    return dict(
        pretrained=None,  # or the base's weights would be downloaded
        data_preprocessor=dict(size=(512, 512), **subnet.preprocessing()),
        backbone=subnet.backbone(),
        neck=dict(in_channels=subnet.channels, num_outs=len(subnet.channels)),
        decode_head=dict(
            in_channels=[256] * len(subnet.channels),
            in_index=list(range(len(subnet.channels))),
            feature_strides=subnet.strides,
            num_classes=150,
        ),
    )


model = semantic_fpn(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
