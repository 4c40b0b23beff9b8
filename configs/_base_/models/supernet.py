# what the supernets of all methods share; images are normalised as for ImageNet
model = dict(
    type='LiftedSupernet',
    arch_sampler=dict(type='SandwichSampler'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
    ),
)
