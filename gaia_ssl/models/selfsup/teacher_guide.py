"""A frozen teacher as a guide: subnets learn how images relate to each other."""

from collections.abc import Sequence
from functools import cache

import torch
from mmengine.dist import all_gather
from mmpretrain.models.selfsup.simclr import GatherLayer
from torch import Tensor

from gaia_ssl.distances import GlobalRelation
from gaia_ssl.models.teachers import FrozenTeacher
from gaia_ssl.utils import UserError

from .joint import with_joint_gradient


class TeacherGuide:
    """The distance of a subnet's relations between images from those of a frozen teacher.

    Relations have no channels, so that the embeddings of any method and any teacher compare, and
    nothing more has to be learned (CompRess, Abbasi Koohpayegani et al., NeurIPS 2020, has a queue
    in place of the batch). They are those of the distance ``global_relation`` over all embeddings
    of an iteration, of all views and processes. The teacher's are centred: after a ReLU, all
    images have much in common. A cached embedding is that of a whole image, for
    all of its views.

    Args:
        teacher: The teacher.
        temperature: Temperature of the relations. Defaults to 0.1.

    Raises:
        UserError: If the temperature is not positive.
    """

    def __init__(self, teacher: FrozenTeacher, temperature: float = 0.1) -> None:
        self.teacher = teacher
        self.relation = GlobalRelation(temperature)

    def target(
        self, images: Sequence[Tensor], inputs: Sequence[Tensor], data_samples: Sequence
    ) -> Tensor:
        """Compute the teacher's relations between images, once per iteration.

        Args:
            images: What the backbone reads, call by call, each (K, C, H, W).
            inputs: The views of the iteration, each (N, C, H, W).
            data_samples: Those of the N images, for a cache.

        Returns:
            (M, M - 1) for the M images of all calls and processes.
        """
        if self.teacher.cache_folder is None:
            parts = [self.teacher(part).embedding for part in images]
        else:
            cached = self.teacher.cached(data_samples).to(images[0].device)
            parts = [cached[_positions(part, inputs)] for part in images]
        joined = torch.cat(all_gather(torch.cat(parts).double()))  # (N, D) -> (M, D)
        return self.relation.target(joined - joined.mean(0))

    def distance(self, embeddings: Sequence[Tensor], target: Tensor) -> Tensor:
        """Compute the mean distance of a subnet's relations from a target.

        Args:
            embeddings: Those of the images, call by call, each (N, D).
            target: The teacher's relations, (M, M - 1).

        Raises:
            UserError: If they are not embeddings of the same images.
        """
        own = torch.cat(list(embeddings))
        joined = torch.cat(GatherLayer.apply(own.contiguous()))  # (N, D) -> (M, D)
        if joined.dim() != 2 or len(joined) != len(target):
            raise UserError(
                'model.guides.weights: the neck does not give one embedding per image, which the '
                'guide teacher compares; use another guide'
            )
        loss = self.relation(joined, target).mean().to(own.dtype)
        return with_joint_gradient(dict(loss=loss))['loss']


def _positions(images: Tensor, views: Sequence[Tensor]) -> Tensor:
    """The positions in the batch of the images that a method joined from its views, (K,).

    Methods join them in ways of their own, so that each image is looked up by its pixels.

    Raises:
        UserError: If some are no views.
    """
    same = [view for view in views if view.shape[1:] == images.shape[1:]]
    known = torch.cat([_fingerprints(view) for view in same]) if same else images.new_empty(0)
    found = _fingerprints(images)
    apart = (found[:, None] - known).abs()  # (K,), (V * N,) -> (K, V * N)
    # sums over batches of other sizes differ by rounding
    if not len(known) or bool((apart.amin(1) > 1e-6 * found.abs().clamp(min=1)).any()):
        raise UserError(
            'model.teacher.cache: the method changes its views before the backbone reads them, so '
            'that their images are not known; leave out the cache'
        )
    return apart.argmin(1) % len(same[0])


def _fingerprints(images: Tensor) -> Tensor:
    """A number per image that depends on all of its pixels, (N, C, H, W) -> (N,)."""
    pixels = images.flatten(1).double()
    return pixels @ _pixel_weights(pixels.size(1), pixels.device)


@cache
def _pixel_weights(number: int, device: torch.device) -> Tensor:
    """Random weights of pixels, the same in all processes; drawn once for each size of views."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(number, generator=generator, dtype=torch.float64).to(device)
