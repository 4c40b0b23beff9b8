"""Find unreadable images; the processes share the work."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from mmengine.dist import all_gather_object, get_dist_info

from gaia_ssl.utils import UserError

from .decoding import UnreadableImage, image_digest
from .images import ImageSet


class BadImage(NamedTuple):
    """An image that cannot be read.

    Args:
        name: Its name in the image set.
        path: The file.
        reason: Short text on the cause.
    """

    name: str
    path: str
    reason: str


class Reading(NamedTuple):
    """The result of reading some images.

    Attributes:
        digests: SHA-256 of the file of each readable image, by the image's index, in order.
        bad: The unreadable images.
    """

    digests: dict[int, str]
    bad: list[BadImage]


def read_all(names: Sequence[str], paths: Sequence[str], max_bad: float = 0) -> Reading:
    """Decode images to find unreadable ones; each process decodes a share.

    Args:
        names: Names of the images, the same in every process.
        paths: Their files.
        max_bad: Maximal share of unreadable images. Defaults to 0.

    Returns:
        The same in every process and for every number of processes.

    Raises:
        UserError: If more are unreadable, without reading on where ``max_bad`` is 0; or if
            ``max_bad`` is not a share.
    """
    if not isinstance(max_bad, int | float) or not 0 <= max_bad < 1:
        raise UserError(f'max_bad: {max_bad} is not a share; give 0 or more and less than 1')
    rank, world = get_dist_info()
    own_digests: dict[int, str] = {}
    own_bad: dict[int, BadImage] = {}
    with ThreadPoolExecutor() as pool:
        share = range(rank, len(paths), world)
        for index, read in zip(share, pool.map(_read, map(paths.__getitem__, share))):
            if isinstance(read, str):
                own_digests[index] = read
                continue
            own_bad[index] = BadImage(names[index], paths[index], read.reason)
            if max_bad == 0:
                pool.shutdown(cancel_futures=True)
                break
    shares = all_gather_object((own_digests, own_bad))
    digests = {index: digest for part, _ in shares for index, digest in part.items()}
    found = {index: image for _, part in shares for index, image in part.items()}
    bad = [found[index] for index in sorted(found)]
    if bad and max_bad == 0:
        raise UserError(
            f'images: {bad[0].path} cannot be read ({bad[0].reason}); repair or remove it, '
            'or allow a share of such images with max_bad'
        )
    if len(bad) / len(paths) > max_bad:
        raise UserError(
            f'images: {describe_bad(bad, len(paths))}; that is more than max_bad, '
            f'{100 * max_bad:.3g}%: repair or remove them'
        )
    return Reading({index: digests[index] for index in sorted(digests)}, bad)


def readable_images(
    images: ImageSet, max_bad: float = 0
) -> tuple[ImageSet, list[str], list[BadImage]]:
    """Decode all images of a set and leave out the unreadable ones.

    Args:
        images: The images, the same in every process.
        max_bad: Maximal share of unreadable images. Defaults to 0.

    Returns:
        The readable images, the SHA-256 of each of their files, and the unreadable ones.

    Raises:
        UserError: See ``read_all``.
    """
    paths = [images.path(index) for index in range(len(images))]
    digests, bad = read_all(images.names, paths, max_bad)
    return images.select(digests), list(digests.values()), bad


def describe_bad(bad: Sequence[BadImage], total: int) -> str:
    """Describe the number and share of unreadable images among ``total``, and the first few."""
    few = ', '.join(f'{image.path} ({image.reason})' for image in bad[:3])
    more = f' and {len(bad) - 3} more' if len(bad) > 3 else ''
    share = f'{100 * len(bad) / total:.3g}%'
    return f'{len(bad)} of {total} images ({share}) cannot be read: {few}{more}'


def _read(path: str) -> str | UnreadableImage:
    try:
        return image_digest(path)
    except UnreadableImage as error:
        return error
