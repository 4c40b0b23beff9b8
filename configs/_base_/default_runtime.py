# what needs mmpretrain is registered here, so that mmdet can use a subnet without it
custom_imports = dict(
    imports=['gaia_ssl.models.selfsup', 'gaia_ssl.engine', 'mmpretrain.datasets'],
    allow_failed_imports=False,
)
default_scope = 'gaia_ssl'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    health=dict(type='SubnetHealthHook', interval=100),
    collapse=dict(type='CollapseHook', interval=50),
)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
)
# one gradient reduction per iteration, by MAX's pass
model_wrapper_cfg = dict(type='gaia_ssl.SupernetDistributedDataParallel')
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
