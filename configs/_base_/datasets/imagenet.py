# every image below train/, labels unread; batch_size is that of one process
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    drop_last=True,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='TrainingImages',
        data_root='data/imagenet/',
        data_prefix='train',
    ),
)
