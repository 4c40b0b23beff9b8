"""Which of many images can be read, found out by all processes together."""

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
        name: Its name among the images.
        path: The file.
        reason: What is wrong with it.
    """

    name: str
    path: str
    reason: str


def readable_images(
    images: ImageSet, max_bad: float = 0
) -> tuple[ImageSet, list[str], list[BadImage]]:
    """Read all images to their end; each process reads a share of them.

    Args:
        images: The images, the same in every process.
        max_bad: Share of them that may be unreadable. Defaults to none.

    Returns:
        The images without the unreadable ones, the SHA-256 of each file, and the unreadable ones:
        the same in every process, whatever their number.

    Raises:
        UserError: If more are unreadable, with the first at once where none may be; or if
            ``max_bad`` is no share.
    """
    if not 0 <= max_bad < 1:
        raise UserError(f'max_bad: {max_bad} is not a share; give 0 or more and less than 1')
    rank, world = get_dist_info()
    digests, bad = {}, {}
    with ThreadPoolExecutor() as pool:
        share = range(rank, len(images), world)
        for index, (digest, reason) in zip(share, pool.map(_read, map(images.path, share))):
            if reason is None:
                digests[index] = digest
                continue
            bad[index] = BadImage(images.names[index], images.path(index), reason)
            if max_bad == 0:
                pool.shutdown(cancel_futures=True)
                break
    shares = all_gather_object((digests, bad))
    digests = {index: digest for part, _ in shares for index, digest in part.items()}
    bad = {index: image for _, part in shares for index, image in part.items()}
    bad = [bad[index] for index in sorted(bad)]
    if bad and max_bad == 0:
        raise UserError(
            f'images: {bad[0].path} cannot be read ({bad[0].reason}); mend it, take it out, or '
            'allow a share of such images with max_bad'
        )
    if len(bad) / len(images) > max_bad:
        raise UserError(
            f'images: {describe_bad(bad, len(images))}; that is more than max_bad, '
            f'{100 * max_bad:.3g}%: mend them or take them out'
        )
    kept = sorted(digests)
    return images.select(kept), [digests[index] for index in kept], bad


def describe_bad(bad: Sequence[BadImage], total: int) -> str:
    """How many of ``total`` images cannot be read, their share, and the first few."""
    few = ', '.join(f'{image.path} ({image.reason})' for image in bad[:3])
    more = f' and {len(bad) - 3} more' if len(bad) > 3 else ''
    share = f'{100 * len(bad) / total:.3g}%'
    return f'{len(bad)} of {total} images ({share}) cannot be read: {few}{more}'


def _read(path: str) -> tuple[str | None, str | None]:
    try:
        return image_digest(path), None
    except UnreadableImage as error:
        return None, error.reason
