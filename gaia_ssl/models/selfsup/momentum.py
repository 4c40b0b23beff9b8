"""Bases of methods with a momentum teacher."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch.nn as nn
from torch import Tensor

from gaia_ssl.models.backbones import Encoder
from gaia_ssl.utils import UserError

from .base import SupernetSelfSupervisor
from .guides import neck_outputs


class MomentumSupernet(SupernetSelfSupervisor):
    """A supernet whose teacher is its own moving average and stays at MAX.

    Attributes:
        teacher_name: The attribute in which mmpretrain's method keeps the moving average.
        student_views: How many of the views, from the first, a subnet embeds.
    """

    has_momentum_teacher = True
    teacher_name: ClassVar[str]
    student_views: ClassVar[int] = 2

    @property
    def teacher(self) -> Encoder:
        """The moving average of the trained encoder, at MAX."""
        backbone, neck = getattr(self, self.teacher_name).module
        return backbone, neck

    def update_teacher(self) -> None:
        """Move the teacher towards the trained encoder; once per iteration."""
        getattr(self, self.teacher_name).update_parameters(nn.Sequential(*self.student))

    def teacher_outputs(self, inputs: list[Tensor], targets: Any) -> list[Tensor]:
        """The teacher's outputs for the views that a subnet embeds."""
        teacher = getattr(self, self.teacher_name)
        views = inputs[: self.student_views]
        return [output for view in views for output in neck_outputs(teacher(view))]


class SymmetricMomentumSupernet(MomentumSupernet):
    """A momentum supernet in which each of two views predicts the teacher's output for the other.

    Attributes:
        loss_scale: Factor of the sum of both predictions' losses.
    """

    loss_scale: ClassVar[float] = 1.0

    def targets(self, inputs: list[Tensor], data_samples: list) -> list[Tensor]:
        """Update the teacher and return each view's target: the other's projection, (N, D)."""
        self.update_teacher()
        teacher = getattr(self, self.teacher_name)
        first, second = (teacher(view)[0] for view in inputs)
        return [second, first]

    def teacher_outputs(self, inputs: list[Tensor], targets: list[Tensor]) -> list[Tensor]:
        """The projections of both views, which the targets are already."""
        return targets[::-1]

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: list[Tensor]
    ) -> dict[str, Tensor]:
        """Compute the loss of the active subnet's predictions."""
        projections = [self.neck(self.backbone(view))[0] for view in inputs]
        pairs = zip(projections, targets, strict=True)
        return dict(loss=self.loss_scale * sum(self.head.loss(p, t) for p, t in pairs))


class QueueSupernet(MomentumSupernet):
    """A momentum supernet that contrasts embeddings with queues of the teacher's embeddings.

    A subnet embeds the first view, the teacher the second.

    Args:
        neck: Config of a neck.
        feat_dim: Channels of an embedding in a queue. Defaults to 128.
        kwargs: Passed on to the method.

    Raises:
        UserError: If the neck's embeddings have another number of channels.
    """

    student_views = 1

    def __init__(self, neck: dict, feat_dim: int = 128, **kwargs) -> None:
        channels = (neck or {}).get('out_channels', feat_dim)
        if channels != feat_dim:
            raise UserError(
                f'model.feat_dim: {feat_dim} channels in the queue, but {channels} in an embedding '
                '(model.neck.out_channels); make them equal'
            )
        super().__init__(neck=neck, feat_dim=feat_dim, **kwargs)

    def check_batches(self, sizes: Sequence[int]) -> None:
        """Check that the queue takes the batches of a training; see the base class."""
        super().check_batches(sizes)
        check_batches_of_queue(self.queue_len, sizes)


def check_queue(queue_len: int, batch: int) -> None:
    """Check that a queue holds a whole number of batches.

    Args:
        queue_len: Length of the queue.
        batch: Images of an iteration, in all processes.

    Raises:
        UserError: If it does not.
    """
    if queue_len % batch:
        raise UserError(
            f'model.queue_len: {queue_len} is not a multiple of {batch}, the images of an '
            'iteration; change it or train_dataloader.batch_size'
        )


def check_batches_of_queue(queue_len: int, sizes: Sequence[int]) -> None:
    """Check that a queue takes the batches of a training; smaller ones would overflow it later.

    Args:
        queue_len: Length of the queue.
        sizes: See ``SupernetSelfSupervisor.check_batches``.

    Raises:
        UserError: If it does not hold a whole number of batches, or the last one is smaller.
    """
    for images in sizes[:1]:
        check_queue(queue_len, images)
    if len(set(sizes)) > 1:
        raise UserError(
            f'train_dataloader.drop_last: the last batch of an epoch has {sizes[-1]} images, '
            f'not {sizes[0]}, which a queue (model.queue_len) cannot take; set it to True'
        )
