"""PSPNet (Zhao et al., CVPR 2017) with this subnet at output stride 8 on ADE20K.

80k iterations of 16 crops of 512x512. The stages from where the output stride would exceed 8
dilate instead of striding, contracted as in DenseCL's benchmarks (Wang et al., CVPR 2021). All
layers train.
It reads ``data/ade/ADEChallengeData2016``.
"""

_base_ = 'mmseg::pspnet/pspnet_r50-d8_4xb4-80k_ade20k-512x512.py'

from gaia_ssl import downstream

model = downstream.dilated_segmentor(
    downstream.Subnet.load(r"""{{$GAIA_SSL_SUBNET:work_dirs/subnet}}""")
)
