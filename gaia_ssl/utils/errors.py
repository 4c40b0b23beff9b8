"""``UserError``: a user's mistake, told in one line; everything else is a bug."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_tb, walk_tb
from typing import Any

DEBUG = 'GAIA_SSL_DEBUG'
"""Environment variable that is 1 to see the traceback of a user's mistake."""

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), '')
_BINDING = re.compile(
    r'\(\) (got an unexpected keyword|got multiple values|missing \d+ required|takes )'
)
_UNKNOWN_TYPE = re.compile(r'(\w[\w.]*) is not in the ([\w: ]+) registry')
_UNKNOWN_ARGUMENT = re.compile(
    r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'"
)


class UserError(ValueError):
    """A mistake in the user's input; its text is one line naming the file or field and the fix."""


def reason(error: BaseException) -> str:
    """Describe an error for the line of a ``UserError``."""
    return f'{type(error).__name__}: {error}'


def is_bug(error: BaseException) -> bool:
    """Tell a bug of this package from an error that the user's settings or files cause.

    This package checks what it is given and raises ``UserError``, so any other error of a line of
    its own is a bug. An error that another package raises is put down to the settings it was given,
    and so is a call whose arguments are unknown or missing.
    """
    frames = extract_tb(error.__traceback__)
    if not frames or not os.path.abspath(frames[-1].filename).startswith(_PACKAGE):
        return False
    return not (isinstance(error, TypeError) and _BINDING.search(str(error)))


@contextmanager
def building(field: str, settings: Any = None) -> Iterator[None]:
    """Name the field of a config whose settings do not fit what is built inside.

    Args:
        field: The field, such as ``model.neck``.
        settings: What it holds, to name the part that an unknown type or argument is in, such as
            ``model.neck.type``. Defaults to None: the field itself is named.

    Raises:
        UserError: If the settings do not fit. One that names a field of its own, and a bug of
            this package, stay as they are.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # other packages fail in any way
        if is_bug(error):
            raise
        raise UserError(_describe(error, field, settings)) from error


def _describe(error: Exception, field: str, settings: Any) -> str:
    parts = dict(_parts(settings, field))
    if unknown := _UNKNOWN_TYPE.search(str(error)):
        kind, registry = unknown.groups()
        place = next((f'{n}.type' for n, part in parts.items() if part.get('type') == kind), field)
        return (
            f'{place}: {kind} is not in the {registry} registry; correct it, or import its module '
            'by custom_imports'
        )
    if isinstance(error, ImportError):
        return f'{field}: needs a package that is not installed; {error}'
    last = extract_tb(error.__traceback__)[-1]
    what = reason(error) if str(error) else f'{type(error).__name__}: {last.line}'
    return (
        f'{_place(error, parts) or field}: its settings do not fit ({what}, '
        f'{os.path.basename(last.filename)}:{last.lineno}); {DEBUG}=1 shows the traceback'
    )


def _place(error: Exception, parts: dict[str, dict]) -> str | None:
    """Find the field that an error is about: an unknown argument, or what was being built."""
    if unknown := _UNKNOWN_ARGUMENT.search(str(error)):
        kind, key = unknown.groups()
        holding = {name: part for name, part in parts.items() if key in part}
        named = [name for name, part in holding.items() if _is_of(part, kind)] or list(holding)
        if len(named) == 1:
            return f'{named[0]}.{key}'
    built = [frame.f_locals.get('self') for frame, _ in walk_tb(error.__traceback__)]
    for kind in [type(part).__name__ for part in reversed(built)]:
        named = [name for name, part in parts.items() if _is_of(part, kind)]
        if len(named) == 1:
            return named[0]
    return None


def _parts(settings: Any, name: str) -> Iterator[tuple[str, dict]]:
    """Find the dicts inside of settings, and their fields."""
    if isinstance(settings, dict):
        yield name, settings
        for key, value in settings.items():
            yield from _parts(value, f'{name}.{key}')
    elif isinstance(settings, list | tuple):
        for index, value in enumerate(settings):
            yield from _parts(value, f'{name}.{index}')


def _is_of(part: dict, kind: str) -> bool:
    return str(part.get('type')).rpartition('.')[2] == kind
