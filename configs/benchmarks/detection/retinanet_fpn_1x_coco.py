"""RetinaNet (Lin et al., ICCV 2017) with this subnet and FPN on COCO, 1x schedule.

All layers train, with synchronised batch norm in backbone and FPN, at several scales: the recipe of
self-supervised backbones (MoCo, He et al., CVPR 2020).
It reads ``data/coco/``.
"""

_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'

from gaia_ssl import downstream


def retinanet(subnet):
    return dict(
        **downstream.fpn_detector(subnet),
        bbox_head=dict(anchor_generator=dict(strides=subnet.fpn_strides(start=1, extra=2))),
    )


model = retinanet(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
train_dataloader = dict(dataset=dict(pipeline=downstream.multi_scale_pipeline(with_bbox=True)))
