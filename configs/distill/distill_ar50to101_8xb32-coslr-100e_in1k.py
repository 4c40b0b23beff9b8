# Distillation of a frozen ResNet-50: relations to a queue and self-similarity of the last maps, as
# lightly-train does by default, and the cosine to its principal components
_base_ = [
    '../_base_/models/ar50to101.py',
    '../_base_/datasets/imagenet_distill.py',
    '../_base_/schedules/sgd_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='DynamicDistill',
    # torchvision's ResNet-50, or a checkpoint of that layout that the environment names
    teacher=dict(
        type='mmpretrain.ResNet',
        depth=50,
        init_cfg=dict(
            type='Pretrained', checkpoint=r"""{{$GAIA_SSL_TEACHER:torchvision://resnet50}}"""
        ),
    ),
    components=512,
    queue_len=16384,
    neck=dict(
        type='mmpretrain.NonLinearNeck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=512,
        num_layers=2,
        with_last_bn=False,
        with_last_bias=True,
        norm_cfg=dict(type='SyncBN'),
        with_avg_pool=True,
    ),
    head=dict(
        type='DistanceHead',
        losses=dict(
            global_cosine=dict(weight=1.0),
            global_relation=dict(weight=1.0, temperature=0.07),
            dense_kl=dict(weight=1.0, temperature=0.07, stages=[3]),
        ),
    ),
)
train_cfg = dict(max_epochs=100)
