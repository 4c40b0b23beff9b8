"""Faster R-CNN with this subnet and FPN on COCO, 1x schedule.

All layers train, with synchronised batch norm throughout, at several scales: the recipe of
self-supervised backbones (MoCo, He et al., CVPR 2020).
It reads ``data/coco/``.
"""

_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'

from gaia_ssl.export import SYNC_BN, Subnet, fpn_detector, multi_scale_pipeline

subnet = Subnet.load('{{$GAIA_SSL_SUBNET:work_dirs/subnet}}')

custom_imports = dict(imports=['gaia_ssl'], allow_failed_imports=False)
model = dict(
    **fpn_detector(subnet),
    rpn_head=dict(anchor_generator=dict(strides=subnet.fpn_strides())),
    roi_head=dict(
        bbox_roi_extractor=dict(featmap_strides=subnet.strides),
        bbox_head=dict(type='Shared4Conv1FCBBoxHead', norm_cfg=SYNC_BN),
    ),
)
train_dataloader = dict(dataset=dict(pipeline=multi_scale_pipeline(with_bbox=True)))

del SYNC_BN, Subnet, subnet
