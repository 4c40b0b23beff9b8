"""Lists of images: text files with one path per line, for trainings and searches."""

import os
import os.path as osp
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gaia_ssl.utils import UserError
from gaia_ssl.utils.openmmlab import read_lists_by

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.ppm', '.pgm', '.tif', '.tiff')

_END = re.compile(rf'(?<=.)({"|".join(map(re.escape, EXTENSIONS))})(?=[\s,]|$)', re.I)
_LABELED = re.compile(r'(?P<path>.+?)[\s,]+(?P<label>-?\d+)', re.ASCII)


class Line(NamedTuple):
    """A line of a list.

    Attributes:
        place: The file and the number of the line, for messages.
        paths: The paths that the line can mean, the longest first: names may have blanks, and text
            after a name is ignored.
        label: The label, where the list has labels.
    """

    place: str
    paths: list[str]
    label: int | None = None


def read_list(file: str, field: str = 'images', labels: bool = False) -> list[Line]:
    """Read a list of images in UTF-8.

    A byte-order mark, empty lines and blanks around a line are ignored. A path ends in one of
    ``EXTENSIONS``; text after it, separated by a blank or comma, such as a label, is ignored.

    Args:
        file: The list.
        field: The field that names it, for messages.
        labels: Each line ends in a label, an integer. The path before it can be any. Defaults to
            False.

    Raises:
        UserError: If the file cannot be read, lists nothing or has a line that is no path.
    """
    lines = []
    try:
        with open(file, encoding='utf-8-sig') as stream:
            for number, text in enumerate(stream, 1):
                if text := text.strip():
                    lines.append(_read_line(text, f'{field}: {file}, line {number}', labels))
    except UnicodeDecodeError as error:
        raise UserError(
            f'{field}: {file} is not text in UTF-8 ({error}); save it as UTF-8'
        ) from error
    except OSError as error:
        raise UserError(f'{field}: {file} cannot be read ({error.strerror})') from error
    if not lines:
        raise UserError(f'{field}: {file} lists no image; give one path per line')
    return lines


def _read_line(text: str, place: str, labels: bool) -> Line:
    if labels:
        if not (match := _LABELED.fullmatch(text)):
            raise UserError(
                f'{place}, {text[:80]!r}, is not a path and a label; give both, separated by a '
                'blank'
            )
        return Line(place, [match['path']], int(match['label']))
    paths = [text[: match.end()] for match in _END.finditer(text)]
    if not paths:
        raise UserError(
            f'{place}, {text[:80]!r}, is not a path that ends in {", ".join(EXTENSIONS)}'
        )
    return Line(place, paths[::-1])


def meant_path(line: Line, exists: Callable[[str], bool]) -> str:
    """Tell which of its paths a line means: the longest that exists, or else the shortest.

    Args:
        line: The line.
        exists: Tells whether a path of the line exists; asked only where there are several.

    Raises:
        UserError: If what exists is followed by the rest of a name that does not exist, so that it
            may be another image.
    """
    longest, *shorter = line.paths
    if not shorter or exists(longest):
        return longest
    found = next((path for path in shorter if exists(path)), None)
    if found is None:
        return shorter[-1]
    rest = longest[len(found) :].strip(' \t,')
    if '/' not in rest and not exists(rest):  # not a second column of paths
        raise UserError(
            f'{line.place}: {longest!r} does not exist, but {found!r} does; correct the path, or '
            'remove what follows it'
        )
    return found


def listed_images(file: str, folder: str, labels: bool) -> Iterator[dict[str, Any]]:
    """The samples of a training's ``ann_file``, as ``mmpretrain.CustomDataset`` takes them.

    Args:
        file: The list.
        folder: The folder that its paths are relative to.
        labels: Each line ends in a label.

    Yields:
        ``img_path`` and, with labels, ``gt_label`` of each line.

    Raises:
        UserError: See ``read_list``; or if an image does not exist.
    """
    present = _Present(folder)
    for line in read_list(file, 'ann_file', labels):
        path = meant_path(line, present)
        if not present(path):
            raise UserError(
                f'{line.place}: {osp.join(folder, line.paths[0])} does not exist; correct the '
                'line, or set data_prefix to the folder that the paths are relative to'
            )
        sample: dict[str, Any] = dict(img_path=osp.join(folder, path))
        if line.label is not None:
            sample['gt_label'] = line.label
        yield sample


class _Present:
    """Tells whether paths in a folder exist; a folder is listed once, not asked for each file."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.names: dict[str, frozenset[str]] = {}

    def __call__(self, path: str) -> bool:
        path = osp.join(self.root, path)
        folder, name = osp.split(path)
        if folder not in self.names:
            try:
                self.names[folder] = frozenset(os.listdir(folder or '.'))
            except OSError:
                self.names[folder] = frozenset()
        # a file system may ignore the case of names
        return name in self.names[folder] or osp.isfile(path)


read_lists_by(listed_images)
