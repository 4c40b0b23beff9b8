"""Compare nested settings, and describe their differences."""

from collections.abc import Iterator
from typing import Any, NamedTuple

_MISSING = 'not set'


class Difference(NamedTuple):
    """A setting that differs.

    Attributes:
        field: Its place: ``optim_wrapper.optimizer.lr``.
        before: Its value in the first.
        now: Its value in the second.
    """

    field: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f'{self.field} was {_short(self.before)} and is {_short(self.now)}'


def differences(before: Any, now: Any, field: str = '') -> Iterator[Difference]:
    """Find the settings in which two nested structures of plain data differ.

    Args:
        before: Dicts and lists of plain values.
        now: The same, later.
        field: The place of both. Defaults to the root.

    Yields:
        The differences, as deep inside as they can be named.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            place = f'{field}.{key}' if field else str(key)
            yield from differences(before.get(key, _MISSING), now.get(key, _MISSING), place)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now)):
            yield from differences(old, new, f'{field}.{index}')
    elif before != now:
        yield Difference(field, before, now)


def describe_differences(found: list[Difference], most: int = 3) -> str:
    """Describe the first differences, and count the others."""
    others = f'; and {len(found) - most} more' if len(found) > most else ''
    return ', '.join(map(str, found[:most])) + others


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
