"""Mask R-CNN with this subnet and FPN on COCO, 1x schedule.

All layers train, with synchronised batch norm throughout, at several scales: the recipe of
self-supervised backbones (MoCo, He et al., CVPR 2020).
It reads ``data/coco/``.
"""

_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'

from gaia_ssl import downstream


def mask_rcnn(subnet):
    return dict(
        **downstream.fpn_detector(subnet),
        rpn_head=dict(anchor_generator=dict(strides=subnet.fpn_strides())),
        roi_head=dict(
            bbox_roi_extractor=dict(featmap_strides=subnet.strides),
            bbox_head=dict(type='Shared4Conv1FCBBoxHead', norm_cfg=downstream.SYNC_BN),
            mask_roi_extractor=dict(featmap_strides=subnet.strides),
            mask_head=dict(norm_cfg=downstream.SYNC_BN),
        ),
    )


model = mask_rcnn(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
train_dataloader = dict(
    dataset=dict(pipeline=downstream.multi_scale_pipeline(with_bbox=True, with_mask=True))
)
