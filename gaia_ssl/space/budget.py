"""Budgets: an interval for each cost of a subnet."""

import math
from collections.abc import Sequence

from gaia_ssl.utils.errors import UserError

from .families import Size

_UNITS = {'K': 1e3, 'M': 1e6, 'G': 1e9}
_DURATIONS = {'us': 1e-6, 'ms': 1e-3, 's': 1}


def parse_quantity(text: str | float, field: str = 'budget') -> float:
    """Read ``'3G'``, ``'40.5M'``, ``'4e9'`` or a plain number.

    Args:
        text: The text.
        field: The name of the setting, for messages. Defaults to ``'budget'``.

    Raises:
        UserError: If the text is not such a quantity.
    """
    number = str(text).strip()
    scale = _UNITS.get(number[-1:].upper(), 1)
    try:
        value = float(number[:-1] if scale != 1 else number) * scale
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise UserError(f'{field}: {text!r} is not a quantity such as 3G, 40.5M or 4e9')
    return value


def parse_duration(text: str | float) -> float:
    """Read ``'20ms'``, ``'0.5s'``, ``'800us'`` or a plain number of seconds, as seconds.

    Raises:
        UserError: If the text is not such a duration.
    """
    number = str(text).strip().lower()
    unit = next((unit for unit in _DURATIONS if number.endswith(unit)), '')
    try:
        value = float(number.removesuffix(unit)) * _DURATIONS.get(unit, 1)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise UserError(f'budget: {text!r} is not a duration such as 20ms, 0.5s or 800us')
    return value


class Budget:
    """The constraints on a subnet: each cost in its half-open interval ``[low, high)``.

    Costs are ``flops`` (multiply-adds of the backbone), ``params``, ``memory`` (bytes of
    activations, see ``Cost``) and ``latency`` (seconds, from a table). ``flops`` and ``memory``
    are those of the search's images; ``flops@800x1333`` is at that height and width.

    Args:
        intervals: By cost, ``(low, high)``.

    Raises:
        UserError: If a cost is unknown or an interval is empty.
    """

    def __init__(self, **intervals: tuple[float, float]) -> None:
        anything: tuple[float, float] = (0, math.inf)  # a whole number in search.json
        self.intervals = dict.fromkeys(('flops', 'params'), anything)
        self.intervals |= {name: (low, high) for name, (low, high) in intervals.items()}
        for name, (low, high) in self.intervals.items():
            split_cost(name)
            if not low < high:
                raise UserError(
                    f'{name}: the budget from {low:g} to {high:g} is empty; give low < high'
                )

    @classmethod
    def parse(cls, texts: dict[str, Sequence[str | float]]) -> 'Budget':
        """Parse a budget as people write it: ``dict(flops=('3G', '4G'))``.

        Raises:
            UserError: If a bound is not a quantity, or see ``Budget``.
        """
        if not isinstance(texts, dict):
            raise UserError(f"budget: {texts!r} is not a dict; give e.g. dict(flops=('3G', '4G'))")
        intervals: dict[str, tuple[float, float]] = {}
        for name, bounds in texts.items():
            parse = parse_duration if name == 'latency' else parse_quantity
            if not isinstance(bounds, list | tuple) or len(bounds) != 2:
                raise UserError(f'{name}: {bounds!r} is not an interval; give LOW HIGH')
            low, high = map(parse, bounds)
            intervals[name] = low, high
        return cls(**intervals)


COSTS = ('flops', 'params', 'memory', 'latency')
"""The costs that a budget can bound."""


def split_cost(name: str) -> tuple[str, Size | None]:
    """Split a cost's name, such as ``flops@800x1333``, into the cost and the images' size, if any.

    Raises:
        UserError: If the cost is unknown.
    """
    cost, _, text = name.partition('@')
    size = parse_size(text) if text else None
    if cost not in COSTS or size and cost not in ('flops', 'memory'):
        raise UserError(
            f'budget: {name!r} is not a cost; take {", ".join(COSTS)} or flops@800x1333'
        )
    return cost, size


def parse_size(text: str) -> Size:
    """Read ``'224'`` or ``'800x1333'``, height and width in pixels.

    Raises:
        UserError: If the text is not such a size.
    """
    sides = text.split('x')
    if not all(side.isdecimal() and int(side) for side in sides) or len(sides) > 2:
        raise UserError(f'budget: {text!r} is not a size such as 224 or 800x1333')
    return int(sides[0]), int(sides[-1])
