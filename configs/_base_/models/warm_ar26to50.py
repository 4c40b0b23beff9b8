# A supernet that starts from a ResNet-50, which MAX is: the file that
# tools/model_converters/network_to_supernet.py wrote. The teacher is that network itself.
_base_ = 'supernet.py'

model = dict(
    type='DynamicDistill',
    backbone=dict(type='DynamicResNet', space='ar26to50'),
    teacher=dict(
        type='DynamicResNet',
        space='ar26to50',
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(
            type='Pretrained',
            checkpoint=r"""{{$GAIA_SSL_START:work_dirs/start.pth}}""",
            prefix='backbone.',
        ),
    ),
    components=512,
    queue_len=16384,
    # MAX's embeddings are the teacher's from the first iteration
    start_as_map=True,
    neck=dict(
        type='mmpretrain.LinearNeck',
        in_channels=2048,
        out_channels=512,
        gap_dim=2,
        norm_cfg=None,
    ),
    head=dict(
        type='DistanceHead',
        losses=dict(
            global_cosine=dict(weight=1.0),
            global_relation=dict(weight=1.0, temperature=0.07),
            dense_kl=dict(weight=1.0, temperature=0.07),
        ),
    ),
    # MAX is the teacher's network already: what is drawn are the subnets below
    arch_sampler=dict(type='UniformSampler', num=2),
)
