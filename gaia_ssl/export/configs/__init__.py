"""Configs that finetune or probe an extracted subnet in other OpenMMLab projects."""

from ..subnet import Subnet
from . import mmdet, mmpretrain, mmseg
from .text import Config, to_text

WRITERS = {
    'mmdet_mask-rcnn_fpn_coco.py': mmdet.mask_rcnn,
    'mmdet_faster-rcnn_fpn_coco.py': mmdet.faster_rcnn,
    'mmseg_fcn_ade20k.py': mmseg.fcn,
    'mmseg_upernet_ade20k.py': mmseg.upernet,
    'mmpretrain_linear_imagenet.py': mmpretrain.linear,
}


def config_texts(subnet: Subnet) -> dict[str, str]:
    """The text of every config, by file name."""
    return {name: to_text(write(subnet)) for name, write in WRITERS.items()}


__all__ = ['WRITERS', 'Config', 'config_texts', 'to_text']
