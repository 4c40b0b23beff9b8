# the paper's space; the norms of large-batch methods are synchronised over all GPUs
model = dict(
    type='SupernetSelfSupervisor',
    backbone=dict(type='DynamicResNet', space='ar50to101', norm_cfg=dict(type='SyncBN')),
    arch_sampler=dict(type='SandwichSampler'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
