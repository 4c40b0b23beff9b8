"""Import the libraries that only some teachers need."""

from importlib import import_module
from types import ModuleType

from gaia_ssl.utils import UserError


def import_library(name: str, user: str) -> ModuleType:
    """Import an optional library.

    Args:
        name: Its name, as it is imported; the first part is what it is installed by.
        user: The setting that needs it, for the message.

    Raises:
        UserError: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(
            f'model.teacher: {user} needs {name}, which cannot be imported ({error}); '
            f'pip install {name.partition(".")[0]}'
        ) from error
