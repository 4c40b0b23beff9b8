"""Detection on COCO."""

from typing import Any

from ..subnet import SYNC_BN, Subnet
from .common import CUSTOM_IMPORTS, about
from .text import Config

# https://github.com/open-mmlab/mmpretrain, configs/byol/benchmarks/mask-rcnn_r50_fpn_ms-1x_coco.py
SHORT_EDGES = range(640, 801, 32)


def mask_rcnn(subnet: Subnet) -> Config:
    """Mask R-CNN with FPN, 1x schedule, several scales."""
    config = _two_stage(
        subnet, 'Mask R-CNN', 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', masks=True
    )
    config.values['model']['roi_head'].update(
        mask_roi_extractor=dict(featmap_strides=_strides(subnet)),
        mask_head=dict(norm_cfg=SYNC_BN),
    )
    return config


def faster_rcnn(subnet: Subnet) -> Config:
    """Faster R-CNN with FPN, 1x schedule, several scales."""
    return _two_stage(
        subnet, 'Faster R-CNN', 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', masks=False
    )


def _strides(subnet: Subnet) -> list[int]:
    return [shape.stride for shape in subnet.pyramid.values()]


def _two_stage(subnet: Subnet, name: str, base: str, masks: bool) -> Config:
    strides = _strides(subnet)
    model = dict(
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(out_indices=tuple(subnet.pyramid)),
        neck=dict(
            in_channels=[shape.channels for shape in subnet.pyramid.values()],
            num_outs=len(strides) + 1,
            norm_cfg=SYNC_BN,
        ),
        # FPN's last level is twice as coarse as the last stage
        rpn_head=dict(anchor_generator=dict(strides=[*strides, 2 * strides[-1]])),
        roi_head=dict(
            bbox_roi_extractor=dict(featmap_strides=strides),
            bbox_head=dict(type='Shared4Conv1FCBBoxHead', norm_cfg=SYNC_BN),
        ),
    )
    title = (
        f'{name} with this subnet and FPN on COCO. 1x schedule, several scales, and the recipe of '
        'self-supervised backbones: all layers train, with synchronised batch norm throughout.'
    )
    values = dict(
        _base_=base,
        custom_imports=CUSTOM_IMPORTS,
        model=model,
        train_dataloader=dict(dataset=dict(pipeline=_train_pipeline(masks))),
    )
    options = '{train,val,test}_dataloader.dataset.data_root and {val,test}_evaluator.ann_file'
    return Config(about(title, 'mmdet', 'data/coco/', options), values)


def _train_pipeline(masks: bool) -> list[dict[str, Any]]:
    annotations = dict(type='LoadAnnotations', with_bbox=True)
    if masks:
        annotations['with_mask'] = True
    return [
        dict(type='LoadImageFromFile'),
        annotations,
        dict(
            type='RandomChoiceResize',
            scales=[(1333, edge) for edge in SHORT_EDGES],
            keep_ratio=True,
        ),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackDetInputs'),
    ]
