"""Check the types of settings: of dataclasses, and of arguments of other packages' classes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from .errors import UserError

# abstract types, which NumPy's numbers are of too, and their names in messages
_NAMED = {int: (Integral, 'whole number'), float: (Real, 'number'), str: (str, 'string')}
_NUMBERS = (int, float, bool)


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


def check_keys(settings: Mapping[str, Any], known: Iterable[str], field: str) -> None:
    """Check that a section has no settings but those that something reads.

    Args:
        settings: The section; ``_scope_``, which MMEngine writes into configs, may be there.
        known: The names of settings.
        field: The settings' field.

    Raises:
        UserError: If a setting is none of them; the line names it and them.
    """
    if unknown := sorted({*settings} - {*known, '_scope_'}):
        raise UserError(
            f'{field}.{unknown[0]}: unknown setting; {field} may have {", ".join(known)}'
        )


def arguments(cls: type) -> dict[str, Parameter]:
    """Get the arguments of a class's constructor, and of those that it passes others on to."""
    found: dict[str, Parameter] = {}
    for base in cls.__mro__[:-1]:
        if '__init__' in vars(base):
            _, *own = signature(vars(base)['__init__']).parameters.values()  # without self
            for parameter in own:
                if parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                    found.setdefault(parameter.name, parameter)
    return found


def check_numbers(cls: type, settings: Mapping[str, Any], field: str) -> None:
    """Check that arguments that are numbers are numbers, for classes that do not check it.

    Args:
        cls: The class.
        settings: Its arguments by their names.
        field: The settings' field.

    Raises:
        UserError: If an argument is not a number though its annotation, or else its default, is.
    """
    for name, parameter in arguments(cls).items():
        value = settings.get(name)
        if value is None or isinstance(value, Real) or not _is_number(parameter):
            continue
        raise UserError(f'{field}.{name}: {value!r} is not a number; give one')


def _is_number(parameter: Parameter) -> bool:
    annotation = parameter.annotation
    if annotation is Parameter.empty or isinstance(annotation, str):
        return type(parameter.default) in _NUMBERS
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else [annotation]
    return {*kinds} <= {*_NUMBERS, NoneType}


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
