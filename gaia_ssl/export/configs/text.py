"""Format a config as Python source."""

from typing import Any, NamedTuple

from gaia_ssl.utils.templates import quoted

WIDTH = 100


class Config(NamedTuple):
    """A config to be written.

    Attributes:
        about: The text of its docstring.
        values: Its variables by name.
    """

    about: str
    values: dict[str, Any]


def to_text(config: Config) -> str:
    """Format a config file, which MMEngine reads back to the same values."""
    lines = [f'{key} = {_value(value, len(key) + 3)}' for key, value in config.values.items()]
    return f'"""{config.about.strip()}\n"""\n\n' + '\n'.join(lines) + '\n'


def _value(value: Any, used: int, indent: int = 0) -> str:
    """Format a value, on one line if it fits behind ``used`` characters."""
    flat = _flat(value)
    if indent + used + len(flat) + 1 <= WIDTH or not isinstance(value, (dict, list, tuple)):
        return flat
    inner = indent + 4
    pad = ' ' * inner
    if isinstance(value, dict):
        items = [f'{pad}{k}={_value(v, len(k) + 1, inner)},' for k, v in value.items()]
        opening, closing = 'dict(', ')'
    else:
        items = [f'{pad}{_value(v, 0, inner)},' for v in value]
        opening, closing = '()' if isinstance(value, tuple) else '[]'
    return '\n'.join([opening, *items, ' ' * indent + closing])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return f'dict({", ".join(f"{k}={_flat(v)}" for k, v in value.items())})'
    if isinstance(value, list):
        return f'[{", ".join(map(_flat, value))}]'
    if isinstance(value, tuple):
        return f'({", ".join(map(_flat, value))}{"," * (len(value) == 1)})'
    return quoted(value) if isinstance(value, str) and '{{' in value else repr(value)
