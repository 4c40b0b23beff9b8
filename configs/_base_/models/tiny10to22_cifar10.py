# tiny10to22 for images of 32 px: MAX is 4.4 M multiply-adds, MIN 0.5 M
model = dict(
    type='SupernetSelfSupervisor',
    channels_last=True,
    backbone=dict(type='DynamicResNet', space='tiny10to22', strides=(1, 2, 2, 1)),
    arch_sampler=dict(type='SandwichSampler', num_random=1),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
