"""Parts of detector, segmentor and classifier configs, sized by a subnet."""

from typing import Any

from .subnet import SYNC_BN, Subnet


def multi_scale_pipeline(shortest: int = 640, **annotations: bool) -> list[dict[str, Any]]:
    """A training pipeline of mmdet that resizes to several scales.

    The scales are those of mmpretrain's ``byol/benchmarks/mask-rcnn_r50_fpn_ms-1x_coco.py``.

    Args:
        shortest: The smallest short edge in pixels; they go up to 800 in steps of 32. Defaults
            to 640.
        **annotations: Options of ``LoadAnnotations``, e.g. ``with_bbox=True``.
    """
    return [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', **annotations),
        dict(
            type='RandomChoiceResize',
            scales=[(1333, edge) for edge in range(shortest, 801, 32)],
            keep_ratio=True,
        ),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PackDetInputs'),
    ]


def fpn_detector(subnet: Subnet) -> dict[str, Any]:
    """Backbone, FPN and preprocessing of a detector of mmdet's, sized by a subnet.

    The FPN is normed and has one level more than the pyramid has stages. Heads are left to the
    config.
    """
    return dict(
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(),
        neck=dict(in_channels=subnet.channels, num_outs=len(subnet.channels) + 1, norm_cfg=SYNC_BN),
    )


def c4_detector(subnet: Subnet) -> dict[str, Any]:
    """The parts of a C4 detector of mmdet's that a subnet sizes.

    The trunk ends before the pyramid's last stage, which is the shared head of the regions.
    """
    trunk, shared_head = subnet.c4_parts()
    (channels, out_channels), (stride, out_stride) = subnet.channels[-2:], subnet.strides[-2:]
    return dict(
        data_preprocessor=subnet.preprocessing(),
        backbone=trunk,
        rpn_head=dict(
            in_channels=channels,
            feat_channels=channels,
            anchor_generator=dict(strides=[stride]),
        ),
        roi_head=dict(
            shared_head=shared_head,
            bbox_roi_extractor=dict(
                # the box head pools 7x7 cells of the shared head's
                roi_layer=dict(output_size=7 * out_stride // stride),
                out_channels=channels,
                featmap_strides=[stride],
            ),
            bbox_head=dict(in_channels=out_channels),
        ),
    )


def dilated_segmentor(subnet: Subnet, output_stride: int = 8) -> dict[str, Any]:
    """Backbone, preprocessing and heads' inputs of a segmentor of mmseg's with dilation.

    The stages that would exceed the output stride dilate instead of striding,
    contracted as in DenseCL's benchmarks (Wang et al., CVPR 2021).

    Args:
        subnet: The subnet.
        output_stride: Pixels of the image per cell of the last map. Defaults to 8.

    Raises:
        UserError: If its family cannot dilate.
    """
    return dict(
        pretrained=None,  # the base would download weights
        data_preprocessor=subnet.preprocessing(),
        backbone=subnet.backbone(**subnet.family.dilated(output_stride=output_stride)),
        decode_head=dict(in_channels=subnet.channels[-1], in_index=-1),
        auxiliary_head=dict(in_channels=subnet.channels[-2], in_index=-2),
    )


def classifier(subnet: Subnet, frozen: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ``data_preprocessor`` and the ``model`` of an image classifier of mmpretrain's.

    Args:
        subnet: The subnet.
        frozen: Train the head alone, on features that batch norms make with the checkpoint's
            statistics. Defaults to False.

    Returns:
        The parts of both that depend on the subnet.
    """
    last = len(subnet.shapes) - 1
    freezing: dict[str, Any] = {}
    if frozen:
        freezing = dict(frozen_stages=last + 1, sync_norms=False)
    model = dict(
        backbone=subnet.backbone(out_indices=(last,), **freezing),
        head=dict(in_channels=subnet.shapes[last].channels),
    )
    return subnet.preprocessing('to_rgb'), model
