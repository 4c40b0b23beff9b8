"""FCN with this subnet at output stride 8 on Cityscapes: 40k iterations of 8 crops of 512x1024.

The stages from where the output stride would exceed 8 dilate instead of striding, contracted as in
DenseCL's benchmarks (Wang et al., CVPR 2021). All layers train.
It reads ``data/cityscapes/``.
"""

_base_ = 'mmseg::fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'

from gaia_ssl import downstream

model = downstream.dilated_segmentor(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)
