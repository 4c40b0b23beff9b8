"""``UserError``: a user's mistake, told in one line; everything else is a bug."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_tb

DEBUG = 'GAIA_SSL_DEBUG'
"""Environment variable that is 1 to see the traceback of a user's mistake."""

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), '')
_BINDING = re.compile(
    r'\(\) (got an unexpected keyword|got multiple values|missing \d+ required|takes )'
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
def building(field: str) -> Iterator[None]:
    """Name the field of a config whose settings do not fit what is built inside.

    Args:
        field: The field, such as ``model.neck``.

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
        last = extract_tb(error.__traceback__)[-1]
        place = f'{os.path.basename(last.filename)}:{last.lineno}'
        raise UserError(
            f'{field}: its settings do not fit ({reason(error)}, {place}); {DEBUG}=1 shows the '
            'traceback'
        ) from error
