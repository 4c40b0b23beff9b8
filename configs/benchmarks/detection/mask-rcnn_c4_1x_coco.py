"""Mask R-CNN with this subnet as C4 on COCO, 1x schedule.

The trunk ends at the last stage but one of the pyramid (C4); the subnet's own last stage, and a
norm after it, are the head that the regions share. All layers train, with synchronised batch
norm, at several scales: MoCo's benchmark (He et al., CVPR 2020).
It reads ``data/coco/``.
"""

_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py'

from gaia_ssl import downstream


def mask_rcnn(subnet):
    detector = downstream.c4_detector(subnet)
    detector['roi_head']['mask_head'] = dict(in_channels=subnet.channels[-1])
    return detector


model = mask_rcnn(downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}"""))
train_dataloader = dict(
    dataset=dict(pipeline=downstream.multi_scale_pipeline(with_bbox=True, with_mask=True))
)
