"""The one exception for mistakes a user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from os.path import basename
from traceback import extract_tb


class UserError(ValueError):
    """A mistake in the user's input; its text is one line naming the file or field and the fix."""


def reason(error: Exception) -> str:
    """What went wrong, for the line of a ``UserError``."""
    return f'{type(error).__name__}: {error}'


@contextmanager
def building(field: str) -> Iterator[None]:
    """Name the field of a config that something is built from inside, where it cannot be.

    Args:
        field: The field, such as ``model.neck``.

    Raises:
        UserError: If the building fails; one that names a field of its own stays as it is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # settings can fail what they are given to in any way
        # where it was, in case it is the code that is wrong
        last = extract_tb(error.__traceback__)[-1]
        place = f'{basename(last.filename)}:{last.lineno}'
        raise UserError(f'{field}: its settings do not fit ({reason(error)}, {place})') from error
