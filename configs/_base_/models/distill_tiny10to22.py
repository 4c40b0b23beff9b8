# a small supernet that a frozen ResNet-50 teaches
_base_ = 'tiny10to22.py'

model = dict(
    type='DynamicDistill',
    # torchvision's ResNet-50, or a checkpoint of that layout that the environment names
    teacher=dict(
        type='mmpretrain.ResNet',
        depth=50,
        init_cfg=dict(
            type='Pretrained', checkpoint=r"""{{$GAIA_SSL_TEACHER:torchvision://resnet50}}"""
        ),
        input_size=64,
    ),
    queue_len=1024,
    neck=dict(with_last_bn_affine=True),
    head=dict(
        type='DistanceHead',
        losses=dict(
            global_cosine=dict(weight=1.0), global_relation=dict(weight=1.0, temperature=0.07)
        ),
    ),
)
