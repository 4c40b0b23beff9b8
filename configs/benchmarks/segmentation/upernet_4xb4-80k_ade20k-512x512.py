"""UPerNet (Xiao et al., ECCV 2018) with this subnet on ADE20K.

80k iterations of 16 crops of 512x512. All layers train. It reads ``data/ade/ADEChallengeData2016``.
"""

_base_ = 'mmseg::upernet/upernet_r50_4xb4-80k_ade20k-512x512.py'

from gaia_ssl import downstream


def upernet(subnet):
    return dict(
        pretrained=None,  # or the base's weights would be downloaded
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(),
        decode_head=dict(
            in_channels=subnet.channels,
            in_index=list(range(len(subnet.channels))),
        ),
        auxiliary_head=dict(in_channels=subnet.channels[-2], in_index=-2),
    )


model = upernet(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
