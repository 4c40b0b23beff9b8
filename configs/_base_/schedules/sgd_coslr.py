# The config that uses it sets train_cfg.max_epochs; the learning rate falls until then.
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=1e-4)
)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop')
# the batch size that the learning rate is for
auto_scale_lr = dict(base_batch_size=256)
