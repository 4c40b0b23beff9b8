# Distillation of a frozen ResNet-50 on the quickstart's images, for its option --teacher
_base_ = [
    '../_base_/models/distill_tiny10to22.py',
    '../_base_/datasets/scenes_one_view.py',
    '../_base_/schedules/adamw_coslr.py',
    '../_base_/default_runtime.py',
]

model = dict(components=64)
train_cfg = dict(max_epochs=6)
auto_scale_lr = dict(base_batch_size=128)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=1, max_keep_ckpts=2))

# what tools/search.py scores subnets on
search = dict(input_size=64)
