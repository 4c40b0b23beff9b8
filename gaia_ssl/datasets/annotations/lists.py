"""Read image lists (``ann_file``) as mmdet, mmseg and mmpretrain do, to check them."""

from mmengine.fileio import list_from_file

from gaia_ssl.utils import UserError


def read_list(path: str) -> list[str]:
    """Read the lines of a list.

    Args:
        path: The file.

    Raises:
        UserError: If it is empty, begins with a byte-order mark, which would become part of a name,
            or is not text in UTF-8.
    """
    try:
        lines = list_from_file(path)
    except UnicodeDecodeError as error:
        raise UserError(f'ann_file: {path} is not text in UTF-8 ({error})') from error
    if not lines:
        raise UserError(f'ann_file: {path} lists no images; give one per line')
    if lines[0].startswith('\ufeff'):
        raise UserError(f'ann_file: {path} begins with a byte-order mark; save it as plain UTF-8')
    return lines
