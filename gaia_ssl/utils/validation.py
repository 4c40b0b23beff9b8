"""Check the types of settings in dataclasses."""

from collections.abc import Sequence
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from .errors import UserError

# abstract types, which NumPy's numbers are of too, and their names in messages
_NAMED = {int: (Integral, 'whole number'), float: (Real, 'number'), str: (str, 'string')}


def check_types(settings: Any) -> None:
    """Check the values of a dataclass's fields against their annotations.

    Annotations may be classes, ``Any``, lists, dicts with string keys, and unions of those.

    Raises:
        UserError: If a value is of another type; the line names the field.
    """
    for field in fields(settings):
        value = getattr(settings, field.name)
        if not _fits(value, field.type):
            raise UserError(
                f'{field.name}: {value!r} is of the wrong type; give {_describe(field.type)}'
            )


def _fits(value: Any, annotation: Any) -> bool:
    owner, inner = get_origin(annotation) or annotation, get_args(annotation)
    if owner is Any:
        return True
    if owner is UnionType:
        return any(_fits(value, one) for one in inner)
    if owner is dict:
        return isinstance(value, dict) and all(_fits(v, inner[1]) for v in value.values())
    if inner:
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return is_list and all(_fits(v, inner[0]) for v in value)
    known, _ = _NAMED.get(owner, (owner, ''))
    # Python counts True as a number
    return isinstance(value, known) and (owner is bool or not isinstance(value, bool))


def _describe(annotation: Any) -> str:
    owner, inner = get_origin(annotation) or annotation, get_args(annotation)
    if owner is UnionType:
        return ' or '.join(_describe(one) for one in inner if one is not NoneType)
    if not inner:
        return f'a {_word(owner)}'
    values = inner[1] if owner is dict else inner[0]
    name = 'a dict' if owner is dict else 'a list'
    return name if values is Any else f'{name} of {_word(values)}s'


def _word(annotation: type) -> str:
    return _NAMED[annotation][1] if annotation in _NAMED else annotation.__name__
