# MoCo v2 on the paper's space; the neck is not searched
model = dict(
    type='DynamicMoCo',
    queue_len=65536,
    feat_dim=128,
    momentum=0.001,
    backbone=dict(type='DynamicResNet', space='ar50to101'),
    neck=dict(
        type='mmpretrain.MoCoV2Neck',
        in_channels=2560,
        hid_channels=2048,
        out_channels=128,
        with_avg_pool=True,
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
    arch_sampler=dict(type='SandwichSampler'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
