# DATA (CVPR 2022), the paper's main setting: batch 1024 on 16 GPUs, learning rate 0.12
_base_ = ['mocov2_ar50to101_8xb32-coslr-200e_in1k.py']

train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=0.12))
auto_scale_lr = dict(base_batch_size=1024)
