"""Cascade Mask R-CNN with this subnet and FPN on COCO, 1x schedule.

The detector of Cai and Vasconcelos (CVPR 2018). All layers train, with synchronised batch norm
throughout, at several scales: the recipe of self-supervised backbones (MoCo, He et al., CVPR 2020).
It reads ``data/coco/``.
"""

_base_ = 'mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py'

from gaia_ssl import downstream


def cascade_mask_rcnn(subnet):
    return dict(
        **downstream.fpn_detector(subnet),
        rpn_head=dict(anchor_generator=dict(strides=subnet.fpn_strides())),
        roi_head=dict(
            bbox_roi_extractor=dict(featmap_strides=subnet.strides),
            # the base's heads, with the four normed convolutions of the recipe
            bbox_head=[
                dict(
                    type='Shared4Conv1FCBBoxHead',
                    in_channels=256,
                    fc_out_channels=1024,
                    roi_feat_size=7,
                    num_classes=80,
                    norm_cfg=downstream.SYNC_BN,
                    bbox_coder=dict(
                        type='DeltaXYWHBBoxCoder',
                        target_means=[0.0, 0.0, 0.0, 0.0],
                        target_stds=[centre, centre, size, size],
                    ),
                    reg_class_agnostic=True,
                    loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
                    loss_bbox=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0),
                )
                for centre, size in [(0.1, 0.2), (0.05, 0.1), (0.033, 0.067)]
            ],
            mask_roi_extractor=dict(featmap_strides=subnet.strides),
            mask_head=dict(norm_cfg=downstream.SYNC_BN),
        ),
    )


model = cascade_mask_rcnn(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
train_dataloader = dict(
    dataset=dict(pipeline=downstream.multi_scale_pipeline(with_bbox=True, with_mask=True))
)
