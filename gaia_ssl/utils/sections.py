"""Reject unknown or misspelt top-level config keys, also those of ``--cfg-options``."""

import inspect
from collections.abc import Iterable
from difflib import get_close_matches

from mmengine.config import Config
from mmengine.runner import Runner

from .errors import UserError

# read by MMEngine's Runner, but not arguments of it
_OF_MMENGINE = (
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)
# in order: a part is looked for in a dict
_DICTS = (
    'model', 'model.backbone', 'model.data_preprocessor', 'data_preprocessor', 'search', 'knn'
)  # fmt: skip
_OF_COMMANDS = ('knn', 'reported_metrics', 'search')
SECTIONS = frozenset(
    {*inspect.signature(Runner).parameters, *_OF_MMENGINE, *_OF_COMMANDS} - {'cfg'}
)
"""Names that MMEngine's Runner or a command of this package reads at a config's top level."""

# variables of OpenMMLab's own configs come as close as `models` and `test_pipeline`: 0.91, 0.88
_MISSPELT = 0.92
_SIMILAR = 0.6


def check_sections(config: Config, options: Iterable[str] = ()) -> None:
    """Check the names at a config's top level, and those that options set.

    A config may hold variables of its own. A name that differs from a section's in a letter or two
    is taken for a mistake, because MMEngine would ignore it.

    Args:
        config: The config, without the options.
        options: Keys of settings to override, such as ``model.queue_len``.

    Raises:
        UserError: If a name is misspelt, or an option's first name is neither a section nor in the
            config.
    """
    for name in set(config) - SECTIONS:
        if similar := nearest(name, SECTIONS, _MISSPELT):
            raise UserError(
                f'{name}: {config.filename} has a section of this unknown name; did you mean '
                f'{similar}? Rename it if it is a variable'
            )
    known = SECTIONS | set(config)
    for key in options:
        name = key.partition('.')[0]
        if name == 'data_preprocessor' and config.get('model', {}).get(name):
            raise UserError(f'--cfg-options: {key}: model.{key} is read instead; set that')
        if name not in known:
            similar = nearest(name, known, _SIMILAR)
            advice = f'did you mean {similar}?' if similar else f'give one of {sorted(config)}'
            raise UserError(
                f'--cfg-options: {key}: {name} is neither in {config.filename} nor a section '
                f'that is read; {advice}'
            )


def check_dicts(config: Config) -> None:
    """Check that the sections that commands read are dicts.

    Raises:
        UserError: If one is not.
    """
    for name in _DICTS:
        section, _, part = name.partition('.')
        held = config.get(section)
        value = held.get(part) if part and held is not None else held
        if value is not None and not isinstance(value, dict):
            raise UserError(f'{name}: {config.filename} has no dict there but {value!r}; give one')


def nearest(name: str, known: Iterable[str], cutoff: float = _SIMILAR) -> str | None:
    """Find the known name that is most like another, or None.

    Args:
        name: The other name.
        known: The known names.
        cutoff: The least similarity, from 0 to 1, by ``difflib.SequenceMatcher``.
    """
    return next(iter(get_close_matches(name, sorted(known), 1, cutoff)), None)
