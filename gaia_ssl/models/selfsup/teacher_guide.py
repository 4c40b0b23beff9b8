"""A frozen teacher as a guide: subnets learn how images relate to each other."""

from collections.abc import Sequence

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
    images have much in common.

    Args:
        teacher: The teacher.
        temperature: Temperature of the relations. Defaults to 0.1.

    Raises:
        UserError: If the temperature is not positive.
    """

    def __init__(self, teacher: FrozenTeacher, temperature: float = 0.1) -> None:
        self.teacher = teacher
        self.relation = GlobalRelation(temperature)

    def target(self, images: Sequence[Tensor]) -> Tensor:
        """Compute the teacher's relations between images, once per iteration.

        Args:
            images: What the backbone reads, call by call, each (N, C, H, W).

        Returns:
            (M, M - 1) for the M images of all calls and processes.
        """
        embeddings = torch.cat([self.teacher(part).embedding.double() for part in images])
        joined = torch.cat(all_gather(embeddings))  # (N, D) -> (M, D)
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
