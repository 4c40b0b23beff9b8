"""FCN with this subnet at output stride 8 on VOC12aug: 20k iterations of 16 crops of 512x512.

The stages from where the output stride would exceed 8 dilate instead of striding, contracted as in
DenseCL's benchmarks (Wang et al., CVPR 2021). All layers train.
It reads ``data/VOCdevkit/VOC2012``.
"""

_base_ = 'mmseg::fcn/fcn_r50-d8_4xb4-20k_voc12aug-512x512.py'

from gaia_ssl import downstream

model = downstream.dilated_segmentor(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)
