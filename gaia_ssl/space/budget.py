"""Budgets: an interval for each thing a subnet may cost."""

import math
from dataclasses import dataclass

from gaia_ssl.utils.errors import UserError

from .families import Cost

_UNITS = {'K': 1e3, 'M': 1e6, 'G': 1e9}
_DURATIONS = {'us': 1e-6, 'ms': 1e-3, 's': 1}


def parse_quantity(text: str | float) -> float:
    """Read ``'3G'``, ``'40.5M'``, ``'4e9'`` or a plain number.

    Raises:
        UserError: If the text is no such quantity.
    """
    number = str(text).strip()
    scale = _UNITS.get(number[-1:].upper(), 1)
    try:
        value = float(number[:-1] if scale != 1 else number) * scale
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise UserError(f'budget: {text!r} is not a quantity such as 3G, 40.5M or 4e9')
    return value


def parse_duration(text: str | float) -> float:
    """Read ``'20ms'``, ``'0.5s'``, ``'800us'`` or a plain number of seconds, as seconds.

    Raises:
        UserError: If the text is no such duration.
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


@dataclass(frozen=True)
class Budget:
    """The constraints on a subnet: each cost in its half-open interval ``[low, high)``.

    Args:
        flops: Multiply-adds of the backbone at the search's input size. Defaults to any.
        params: Parameters of the backbone. Defaults to any.

    Raises:
        UserError: If an interval is empty.
    """

    flops: tuple[float, float] = (0, math.inf)
    params: tuple[float, float] = (0, math.inf)

    def __post_init__(self):
        for name, (low, high) in self.intervals.items():
            if not low < high:
                raise UserError(
                    f'{name}: the budget from {low:g} to {high:g} is empty; give low < high'
                )

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The interval of each cost."""
        return dict(flops=self.flops, params=self.params)

    def __contains__(self, cost: Cost) -> bool:
        """Whether a subnet of this cost is within the budget."""
        return all(low <= getattr(cost, k) < high for k, (low, high) in self.intervals.items())
