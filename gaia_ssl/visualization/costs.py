"""Titles of costs and distances, and archs in words."""

from typing import Any

from gaia_ssl.space.units import Unit

NAMED = 4
"""Scores of a sum whose names fit beside an axis."""
_TITLES = dict(
    flops='{unit} (multiply-adds) of the backbone at {input_size} px',
    params='{unit} of the backbone',
    memory='peak activation memory of one image at {input_size} px, fp32 ({unit})',
    latency='latency of a batch ({unit})',
)


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
