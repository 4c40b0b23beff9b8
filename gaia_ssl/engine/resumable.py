"""Put into a training config what makes its runs resume exactly."""

from mmengine.config import Config

SAMPLERS = ('DefaultSampler', 'InfiniteSampler')
HOOKS = ('gaia_ssl.SeedHook', 'gaia_ssl.ResumeHook')


def make_resumable(config: Config) -> Config:
    """Make random draws of a training a function of (seed, iteration, sample), in place.

    A resumed run then draws what an uninterrupted one would have. The dataset and MMEngine's
    samplers are replaced by seeded ones, and the hooks that seed the model and resume are added. If
    the config names another sampler, its data are left unchanged. A second call changes nothing.

    Args:
        config: A training config.

    Returns:
        The config.
    """
    loader = config.train_dataloader
    sampler = loader.get('sampler') or {}
    if sampler.get('type') in SAMPLERS and not loader.get('batch_sampler'):
        by_iteration = 'max_iters' in config.train_cfg
        name = 'SeededInfiniteSampler' if by_iteration else 'SeededSampler'
        options = dict(sampler, type=f'gaia_ssl.{name}')
        if by_iteration:
            options.pop('round_up', None)
        loader.sampler = options
        loader.dataset = dict(type='gaia_ssl.SeededDataset', dataset=loader.dataset)
    hooks = config.get('custom_hooks') or []
    present = [hook.get('type') for hook in hooks]
    config.custom_hooks = [*hooks, *(dict(type=name) for name in HOOKS if name not in present)]
    return config
