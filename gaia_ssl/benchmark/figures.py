"""Figures of studies as JSON holds them."""

import math
from typing import Any


def rounded(value: Any, digits: int) -> Any:
    """Round the numbers of nested data; what JSON has no number for becomes None.

    Args:
        value: Dicts and lists of numbers, of NumPy's too, and of anything else, which stays.
        digits: Digits after the point.
    """
    if isinstance(value, dict):
        return {key: rounded(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part, digits) for part in value]
    if isinstance(value, float):  # as NumPy's are
        return round(float(value), digits) if math.isfinite(value) else None
    return value
