"""Quote MMEngine's path variables, ``{{ fileDirname }}``, in written configs; check the paths."""

from .errors import UserError

# what would end the text that holds a template, or what MMEngine changes in the path
_UNFIT = {
    '\\': 'a backslash',
    '\r': 'a carriage return',
    '{{': 'two braces in a row',
    '"""': 'three quotes in a row',
}


def quoted(template: str) -> str:
    """Python source of a text that holds a template, for any path that ``check_fits`` accepts."""
    return f'r"""{template}"""'


def check_fits(path: str, field: str) -> None:
    """Check that a path can take the place of a template in a config.

    Args:
        path: The path.
        field: The field that gives it, for the message.

    Raises:
        UserError: If the path has characters that MMEngine changes, or that end a text.
    """
    found = next((name for part, name in _UNFIT.items() if part in path), None)
    if path.endswith('"'):
        found = 'a quote at its end'
    try:
        path.encode()
    except UnicodeEncodeError:
        found = 'bytes that are not UTF-8'
    if found:
        raise UserError(
            f'{field}: {path} has {found}, so that no config could name the folder; choose another '
            'name'
        )
