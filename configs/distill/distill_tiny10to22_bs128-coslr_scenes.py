# Distillation of a frozen ResNet-50 on the quickstart's images, for its option --teacher
_base_ = [
    '../_base_/models/tiny10to22.py',
    '../_base_/datasets/scenes_one_view.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='DynamicDistill',
    # a checkpoint in torchvision's layout
    teacher=dict(
        type='mmpretrain.ResNet',
        depth=50,
        init_cfg=dict(type='Pretrained', checkpoint='{{$GAIA_SSL_TEACHER:torchvision://resnet50}}'),
        input_size=64,
    ),
    components=64,
    queue_len=1024,
    neck=dict(with_last_bn_affine=True),
    head=dict(
        type='DistanceHead',
        losses=dict(
            global_cosine=dict(weight=1.0), global_relation=dict(weight=1.0, temperature=0.07)
        ),
    ),
    guides=dict(weights=dict(max=0.5)),
)
train_cfg = dict(max_epochs=6)
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=2))

# what tools/search.py scores subnets on
search = dict(input_size=64)
