# A small supernet for images of 32 to 128 px, sized for minutes on a CPU: the quickstart's.
# It sees single garments and random crops of scenes, and no labels.
_base_ = [
    '../_base_/models/tiny10to22.py',
    '../_base_/datasets/scenes_two_views.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(
    algorithm='mmpretrain.MoCo',
    queue_len=1024,
    feat_dim=64,
    momentum=0.01,
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
)

train_cfg = dict(max_epochs=12)
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=2))

# what tools/search.py scores subnets on
search = dict(input_size=64)
