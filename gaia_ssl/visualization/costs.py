"""Format costs of subnets in words and readable units."""

from typing import Any, NamedTuple


class Unit(NamedTuple):
    """A unit of a cost.

    Attributes:
        scale: Its size in the unit of the result file.
        name: Its name.
    """

    scale: float
    name: str


_UNITS = dict(
    flops=('FLOPs', dict(G=1e9, M=1e6)),
    params=(' parameters', dict(M=1e6, k=1e3)),
    memory=('B', dict(G=1e9, M=1e6, k=1e3)),
    latency=('s', {'': 1, 'm': 1e-3, 'µ': 1e-6}),
)
NAMED = 4
"""Scores of a sum whose names fit beside an axis."""
_TITLES = dict(
    flops='{unit} (multiply-adds) of the backbone at {input_size} px',
    params='{unit} of the backbone',
    memory='peak activation memory of one image at {input_size} px, fp32 ({unit})',
    latency='latency of a batch ({unit})',
)


def unit_of(cost: str, largest: float) -> Unit:
    """Choose the unit of a cost.

    Args:
        cost: ``'flops'``, ``'params'``, ``'memory'`` (bytes) or ``'latency'`` (seconds).
        largest: The largest value there is.

    Returns:
        The largest unit of which ``largest`` is one or more, else the smallest.
    """
    name, prefixes = _UNITS[cost]
    fitting = [prefix for prefix, scale in prefixes.items() if largest >= scale]
    prefix = (fitting or list(prefixes)[-1:])[0]
    return Unit(prefixes[prefix], f'{prefix}{name}')


def axis_title(cost: str, unit: Unit, meta: dict[str, Any]) -> str:
    """Title of an axis of this cost, in a search with this ``meta``."""
    return _TITLES[cost].format(unit=unit.name, input_size=meta['input_size'])


def distance_title(meta: dict[str, Any]) -> str:
    """Title of the distance of a search: ``dense mse distance (lower is better)``."""
    if len(meta.get('distances', ())) > NAMED:
        return f'sum of {len(meta["distances"])} {meta["task"]} scores (lower is better)'
    return f'{meta["task"]} {meta["distance"]} distance (lower is better)'


def arch_text(arch: dict[str, Any]) -> str:
    """An arch by its fields: ``stem_width 12, width 16-32-64-128, depth 2-3-3-2``."""
    return ', '.join(
        f'{name} {"-".join(map(str, value)) if isinstance(value, list) else value}'
        for name, value in arch.items()
    )
