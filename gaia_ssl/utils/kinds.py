"""Whether settings are of the kinds that their dataclass says."""

from collections.abc import Sequence
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from .errors import UserError

# what counts as one, so that NumPy's numbers do, and its word
_KINDS = {int: (Integral, 'whole number'), float: (Real, 'number'), str: (str, 'string')}


def check_kinds(settings: Any) -> None:
    """Check that every field of a dataclass holds what its annotation says.

    Annotations may be classes, ``Any``, lists, dicts by strings, and unions of those.

    Raises:
        UserError: If one does not; the line names it.
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not _fits(value, field.type):
            raise UserError(
                f'{field.name}: {value!r} is of the wrong kind; give {_describe(field.type)}'
            )


def _fits(value: Any, kind: Any) -> bool:
    owner, inner = get_origin(kind) or kind, get_args(kind)
    if owner is Any:
        return True
    if owner is UnionType:
        return any(_fits(value, one) for one in inner)
    if owner is dict:
        return isinstance(value, dict) and all(_fits(v, inner[1]) for v in value.values())
    if inner:
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return is_list and all(_fits(v, inner[0]) for v in value)
    known, _ = _KINDS.get(owner, (owner, ''))
    # Python counts True as a number
    return isinstance(value, known) and (owner is bool or not isinstance(value, bool))


def _describe(kind: Any) -> str:
    owner, inner = get_origin(kind) or kind, get_args(kind)
    if owner is UnionType:
        return ' or '.join(_describe(one) for one in inner if one is not NoneType)
    if not inner:
        return f'a {_word(owner)}'
    values = inner[1] if owner is dict else inner[0]
    name = 'a dict' if owner is dict else 'a list'
    return name if values is Any else f'{name} of {_word(values)}s'


def _word(kind: type) -> str:
    return _KINDS[kind][1] if kind in _KINDS else kind.__name__
