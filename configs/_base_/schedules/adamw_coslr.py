# The config that uses it sets train_cfg.max_epochs; the learning rate falls until then.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-4))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)]
train_cfg = dict(type='EpochBasedTrainLoop')
auto_scale_lr = dict(base_batch_size=64)
