# Distillation of a frozen ResNet-50, which gets the small images at 64 px; smaller subnets learn
# from the largest one's embeddings as well
_base_ = [
    '../_base_/models/tiny10to22_cifar10.py',
    '../_base_/datasets/cifar10_one_view.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='DynamicDistill',
    # torchvision's ResNet-50, or a checkpoint of that layout that the environment names
    teacher=dict(
        type='mmpretrain.ResNet',
        depth=50,
        init_cfg=dict(type='Pretrained', checkpoint='{{$GAIA_SSL_TEACHER:torchvision://resnet50}}'),
        input_size=64,
    ),
    components=256,
    queue_len=1024,
    neck=dict(out_channels=256, with_last_bn_affine=True),
    head=dict(
        type='DistanceHead',
        losses=dict(
            global_cosine=dict(weight=1.0), global_relation=dict(weight=1.0, temperature=0.07)
        ),
    ),
    guides=dict(weights=dict(max=0.5)),
)
train_cfg = dict(max_epochs=10)
