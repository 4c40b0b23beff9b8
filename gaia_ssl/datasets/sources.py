"""Resolve image sources to files: folders, COCO files and lists."""

import json
import os
import os.path as osp
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gaia_ssl.utils import UserError

from .lists import EXTENSIONS, Line, meant_path, read_list

# folders of segmentation masks, and the folder beside them that holds the images
MASKS = {
    'annotations': 'images',  # ADE20K
    'annotations_instance': 'images',
    'labels': 'images',
    'masks': 'images',
    'ann_dir': 'img_dir',  # MMSegmentation's own
    'gtFine': 'leftImg8bit',  # Cityscapes
    'gtCoarse': 'leftImg8bit',
    'SegmentationClass': 'JPEGImages',  # Pascal VOC
    'SegmentationClassAug': 'JPEGImages',
    'SegmentationObject': 'JPEGImages',
}

_LISTING = re.compile(r'(?P<file>.+?(?P<kind>\.json|\.txt))(:(?P<folder>.+))?', re.I)


class ImageFile(NamedTuple):
    """An image of a source.

    Attributes:
        name: Its path inside the source, with forward slashes.
        path: Its path on disk.
        real: Its path on disk with links resolved.
        linked: Whether the file itself is a link.
    """

    name: str
    path: str
    real: str
    linked: bool = False


def as_sources(images: str | os.PathLike | Iterable[str | os.PathLike]) -> list[str]:
    """One or several sources of images as a list of paths.

    Raises:
        UserError: If one is not a path, or there is none.
    """
    if isinstance(images, str | os.PathLike) or not isinstance(images, Iterable):
        images = [images]
    sources = []
    for source in images:
        if not isinstance(source, str | os.PathLike):
            raise UserError(
                f'images: {type(source).__name__} is not a path; give a folder or a list of images'
            )
        sources.append(os.fspath(source))
    if not sources:
        raise UserError('images: no source given; give a folder')
    return sources


def find_images(sources: Sequence[str | os.PathLike], by_class: bool = False) -> list[ImageFile]:
    """Find the images of some sources, each file once, ordered by source and name.

    A source is one of

    - ``DIR``: the images below a folder, at any depth. Hidden files, hidden folders and masks (see
      ``MASKS``) are left out; a folder that several links lead to is read once.
    - ``FILE.json``: the images listed under ``images`` in a file in COCO's format.
    - ``FILE.txt``: the images of a list, one per line, see ``read_list``.

    Paths in a file are relative to the folder given after it, ``FILE.json:DIR``. Without one, they
    are relative to the folder in which the first image is found: the file's own, or the one that
    COCO and ImageNet use, ``../val2017`` for ``annotations/instances_val2017.json`` and ``../val``
    for ``meta/val.txt``.

    Args:
        sources: The sources. With several, the names begin with the source's number, from 1.
        by_class: Return a file once for each outermost folder of a source: folders of classes may
            link to each other's images. Defaults to False.

    Raises:
        UserError: If a source does not exist, is not a file of these kinds, or has no images.
    """
    found: dict[tuple[str, str], ImageFile] = {}
    sources = as_sources(sources)
    for number, source in enumerate(sources, 1):
        files = sorted(_find(source, by_class))
        if not files:
            raise UserError(f'images: {source} holds no image ({", ".join(EXTENSIONS)})')
        for file in files:
            name = f'{number}/{file.name}' if len(sources) > 1 else file.name
            key = (_class_of(file.name) if by_class else '', file.real)
            found.setdefault(key, file._replace(name=name))
    return list(found.values())


def _class_of(name: str) -> str:
    """The outermost folder of an image's name; empty for one that is in none."""
    return name.partition('/')[0] if '/' in name else ''


def _find(source: str, by_class: bool) -> Iterator[ImageFile]:
    if osp.isdir(source):
        return _walk(source, by_class)
    listing = _LISTING.fullmatch(source)
    if not listing:
        raise UserError(f'images: {source} is not a folder, nor a .json or .txt that lists images')
    return iter(read_listing(listing['file'], listing['folder']))


def read_listing(file: str, folder: str | None = None) -> list[ImageFile]:
    """Read a list of images, in its order.

    Args:
        file: A ``.json`` in COCO's format, or else a text with a path per line, see ``read_list``.
        folder: What the paths are relative to. Defaults to the usual places, see ``find_images``.

    Raises:
        UserError: If it cannot be read, lists no image, or the folder does not exist.
    """
    lines = _lines_of_json(file) if file.lower().endswith('.json') else read_list(file)
    if folder and not osp.isdir(folder):
        raise UserError(f'images: {folder}, given for {file}, is not a folder')
    within = folder or _folder_of(file, lines)
    names = [meant_path(line, lambda path: osp.isfile(osp.join(within, path))) for line in lines]
    return list(_listed(within, names))


def _walk(root: str, by_class: bool) -> Iterator[ImageFile]:
    entered: set[tuple[str, str]] = set()
    folders = [('', root)]
    while folders:
        prefix, folder = folders.pop()
        real = osp.realpath(folder)
        # the root holds every class, so no class enters it again
        inside_of = _class_of(prefix) if by_class else ''
        if {('', real), (inside_of, real)} & entered:
            continue
        entered.add((inside_of, real))
        entries = _entries(folder)
        inside = []
        for name, entry in entries.items():
            if name.startswith('.'):
                continue
            if osp.isdir(entry) if entry.is_symlink() else entry.is_dir():
                if MASKS.get(name) not in entries:
                    inside.append((f'{prefix}{name}/', entry.path))
            elif name.lower().endswith(EXTENSIONS):
                linked = entry.is_symlink()
                target = osp.realpath(entry.path) if linked else osp.join(real, name)
                yield ImageFile(prefix + name, entry.path, target, linked)
        folders += reversed(inside)


def _entries(folder: str) -> dict[str, os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}
    except OSError as error:
        raise UserError(f'images: {folder} cannot be listed ({error.strerror})') from error


def _lines_of_json(file: str) -> list[Line]:
    try:
        with open(file, encoding='utf-8-sig') as stream:
            content = json.load(stream)
    except (ValueError, RecursionError) as error:
        raise UserError(f'images: {file} is not JSON ({error})') from error
    except OSError as error:
        raise UserError(f'images: {file} cannot be read ({error.strerror})') from error
    try:
        names = [image['file_name'] for image in content['images']]
    except (TypeError, KeyError, IndexError):
        names = [None]
    if not all(isinstance(name, str) and name for name in names):
        raise UserError(
            f'images: {file} is not in COCO\'s format, which has a list "images" whose items '
            'have "file_name"'
        )
    if not names:
        raise UserError(f'images: {file} lists no image')
    return [Line(file, [name]) for name in names]


def _folder_of(file: str, lines: Sequence[Line]) -> str:
    """Guess the folder that the paths in a file are relative to."""
    here = osp.dirname(file) or '.'
    up = osp.normpath(osp.join(here, '..'))
    part = osp.splitext(osp.basename(file))[0].rpartition('_')[2]  # val2017
    usual = [(here,), (up, part), (up, 'images', part), (up, 'images'), (up,)]
    folders = [osp.join(*parts) for parts in [*usual, (here, part), (here, 'images')]]
    for line in lines:
        for folder in folders:
            if any(osp.isfile(osp.join(folder, path)) for path in line.paths):
                return folder
    raise UserError(
        f'images: no image of {file} is in {", ".join(folders)}; give their folder as {file}:DIR'
    )


def _listed(folder: str, names: Sequence[str]) -> Iterator[ImageFile]:
    names = [osp.normpath(name) for name in names]
    paths = [osp.join(folder, name) for name in names]
    if any(osp.isabs(name) or name.startswith(osp.pardir + os.sep) for name in names):
        # some lie outside the folder: names leave out the common path, which depends on the machine
        paths = [osp.abspath(path) for path in paths]
        common = osp.commonpath(map(osp.dirname, paths))
        names = [osp.relpath(path, common) for path in paths]
    folders = {}
    for name, path in zip(names, paths):
        parent, base = osp.split(path)
        if parent not in folders:
            folders[parent] = osp.realpath(parent)
        linked = osp.islink(path)
        real = osp.realpath(path) if linked else osp.join(folders[parent], base)
        yield ImageFile(name.replace(os.sep, '/'), path, real, linked)
