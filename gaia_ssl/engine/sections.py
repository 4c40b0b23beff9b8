"""Check the types of the sections that MMEngine's Runner reads, and drop those that are None."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from gaia_ssl.utils import UserError
from gaia_ssl.utils.sections import nearest
from gaia_ssl.utils.validation import check_keys

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_DICTS = (
    'model', *_LOADERS, 'train_cfg', 'val_cfg', 'test_cfg', 'optim_wrapper', 'default_hooks',
    'auto_scale_lr', 'env_cfg', 'randomness', 'log_processor', 'visualizer', 'model_wrapper_cfg',
    'data_preprocessor',
)  # fmt: skip
_TOGETHER = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)
# MMEngine ignores other keys of these
_KEYS = dict(
    auto_scale_lr=('base_batch_size', 'enable'),
    env_cfg=('cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit'),
)
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')
# those that MMEngine adds to a config's; None turns them off
_MMENGINE_HOOKS = (
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint'
)  # fmt: skip


def prepare_sections(config: Config, needed: tuple[str, ...]) -> None:
    """Check what is in a config's sections, and drop what MMEngine refuses needlessly, in place.

    Dropped are sections and hooks that are None, and settings of a dataloader's workers where it
    has none.

    Args:
        config: The config of a training or test.
        needed: Sections that may not be missing.

    Raises:
        UserError: If a section is missing or of the wrong type, or has a key that nothing reads.
    """
    for name in (*_DICTS, 'custom_hooks', 'param_scheduler'):
        if config.get(name) is None:
            config.pop(name, None)  # MMEngine's way to leave a section out
    for name in needed:
        if name not in config:
            raise UserError(f'{name}: missing from {config.filename}; this command needs it')
    for name, value, kind in _typed(config):
        if not isinstance(value, kind):
            raise UserError(
                f'{name}: {config.filename} has no {kind.__name__} there but {value!r}; give one'
            )
    for names in _TOGETHER:
        missing = [name for name in names if config.get(name) is None]
        if 0 < len(missing) < len(names):
            raise UserError(
                f'{missing[0]}: missing; give all of {", ".join(names)}, or none of them'
            )
    for section, keys in _KEYS.items():
        check_keys(config.get(section, {}), keys, section)
    _check_types_of_hooks(config)
    _leave_out_hooks(config)
    for name in _LOADERS:
        _leave_out_workers(config.get(name, {}))


def _typed(config: Config) -> Iterator[tuple[str, Any, type]]:
    """The parts of a config that must be of a type: name, value and type."""
    yield from ((name, config[name], dict) for name in _DICTS if name in config)
    yield 'resume', config.get('resume') or False, bool
    for loader in _LOADERS:
        for name in ('dataset', 'sampler', 'batch_sampler'):
            if (value := config.get(loader, {}).get(name)) is not None:
                yield f'{loader}.{name}', value, dict
    for name, hook in config.get('default_hooks', {}).items():
        if hook is not None:
            yield f'default_hooks.{name}', hook, dict
    hooks = config.get('custom_hooks', [])
    yield 'custom_hooks', hooks, list
    yield from ((f'custom_hooks.{i}', hook, dict) for i, hook in enumerate(hooks))
    schedulers = config.get('param_scheduler', [])
    if isinstance(schedulers, dict):
        return
    yield 'param_scheduler', schedulers, list
    yield from ((f'param_scheduler.{i}', each, dict) for i, each in enumerate(schedulers))


def _leave_out_hooks(config: Config) -> None:
    """Leave out hooks that are None; MMEngine does it with those of its own alone."""
    hooks = config.get('default_hooks', {})
    for name in [name for name, hook in hooks.items() if hook is None]:
        others = {*hooks, *_MMENGINE_HOOKS} - {name}
        if name in _MMENGINE_HOOKS:
            continue
        if similar := nearest(name, others, 0.8):
            raise UserError(f'default_hooks.{name}: there is no such hook; did you mean {similar}?')
        del hooks[name]


def _check_types_of_hooks(config: Config) -> None:
    """Name a hook that only some settings are given of, as after a misspelt name."""
    hooks = config.get('default_hooks', {})
    for name, hook in hooks.items():
        if hook is not None and 'type' not in hook:
            similar = nearest(name, set(hooks) - {name})
            advice = f'did you mean {similar}?' if similar else 'give it'
            raise UserError(f'default_hooks.{name}.type: missing; {advice}')


def _leave_out_workers(loader: dict) -> None:
    """Leave out settings that torch refuses in a dataloader without workers."""
    if not loader.get('num_workers'):
        for name in _OF_WORKERS:
            loader.pop(name, None)
