"""Training whose randomness has no history, so that it can be stopped and resumed anywhere."""

from mmengine.config import Config

SAMPLERS = ('DefaultSampler', 'InfiniteSampler')
HOOKS = ('gaia_ssl.SeedHook', 'gaia_ssl.ResumeHook')


def make_exact(config: Config) -> Config:
    """Let a training config draw its randomness from (seed, iteration, sample), in place.

    The dataset and MMEngine's samplers give way to seeded ones, and the hooks that seed the model
    and resume are added. Where the config names a sampler of its own, the data are left as they
    are. A config made exact before stays the same.

    Args:
        config: A training config.
    """
    loader = config.train_dataloader
    sampler = loader.get('sampler') or {}
    if sampler.get('type') in SAMPLERS and not loader.get('batch_sampler'):
        by_iteration = 'max_iters' in config.train_cfg
        kind = 'SeededInfiniteSampler' if by_iteration else 'SeededSampler'
        options = dict(sampler, type=f'gaia_ssl.{kind}')
        if by_iteration:
            options.pop('round_up', None)
        loader.sampler = options
        loader.dataset = dict(type='gaia_ssl.SeededDataset', dataset=loader.dataset)
    hooks = config.get('custom_hooks') or []
    there = [hook.get('type') for hook in hooks]
    config.custom_hooks = [*hooks, *(dict(type=name) for name in HOOKS if name not in there)]
    return config
