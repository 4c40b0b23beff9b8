"""Distillation within an iteration: subnets learn from larger ones, or from a teacher."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.teachers import FrozenTeacher
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .teacher_guide import TeacherGuide

Guide = Literal['max', 'next', 'ema', 'teacher']
GUIDES: tuple[Guide, ...] = ('max', 'next', 'ema', 'teacher')


class Guides(nn.Module):
    """A mix of a subnet's own loss and the distances of its embeddings from those of its guides.

    The guides of an iteration see the same views as the subnet:

    ``'max'``
        MAX, as in BigNAS (Yu et al., ECCV 2020).
    ``'next'``
        The next larger subnet of the iteration, as in Scala (Zhang et al., NeurIPS 2024).
    ``'ema'``
        The method's momentum teacher, as in POA (Zhang et al., ECCV 2024).
    ``'teacher'``
        A frozen network, see ``TeacherGuide``; the only guide of the largest subnet, too.

    The others compare all outputs of the neck, view by view, so that every method can use them.

    Args:
        weights: Shares of the guides in a subnet's loss, each above 0, at most 1 together; the rest
            is the share of its own loss.
        loss: Config of the loss that compares a subnet's outputs with a guide's, both (..., D).
            Defaults to one minus the cosine similarity.
        teacher: The network that is the guide ``'teacher'``. Defaults to none.
        temperature: See ``TeacherGuide``. Defaults to 0.1.

    Attributes:
        teacher: What compares with the network; None without.

    Raises:
        UserError: If a guide is unknown, the shares are out of range, or there is a guide without
            a network or a network without a guide.
    """

    def __init__(
        self,
        weights: Mapping[Guide, float],
        loss: dict | None = None,
        teacher: FrozenTeacher | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if isinstance(weights, Mapping) and ('teacher' in weights) != (teacher is not None):
            raise UserError(
                'model.guides.weights: the guide teacher needs a network, model.teacher, and '
                'this a share; give both or neither'
            )
        if not isinstance(weights, Mapping) or not weights or set(weights) - set(GUIDES):
            raise UserError(
                f'model.guides.weights: {weights!r} is not a dict of shares by guide; give some of '
                f'{", ".join(GUIDES)}, such as dict(max=0.5)'
            )
        shares = list(weights.values())
        numbers = all(isinstance(share, int | float) for share in shares)
        if not numbers or min(shares) <= 0 or sum(shares) > 1 + 1e-9:
            raise UserError(
                f'model.guides.weights: {dict(weights)!r} are not shares above 0 that sum up to '
                'at most 1'
            )
        self.weights: dict[str, float] = dict(weights.items())
        self.teacher = None if teacher is None else TeacherGuide(teacher, temperature)
        loss = loss or dict(type='mmpretrain.CosineSimilarityLoss', shift_factor=1.0)
        self.loss_module = MODELS.build(loss)

    def distance(self, outputs: list[Tensor], guide: list[Tensor]) -> Tensor:
        """Compute the mean distance of outputs, each (N, D, ...), from a guide's."""
        # (N, D, ...) -> (N, ..., D)
        pairs = [(a.movedim(1, -1), b.movedim(1, -1)) for a, b in zip(outputs, guide, strict=True)]
        return torch.stack([self.loss_module(*pair) for pair in pairs]).mean()


class GuidedIteration:
    """One iteration of guided subnets, which run from the largest to the smallest.

    Args:
        guides: The guides.
        encoder: Backbone and neck that the subnets' passes call.
        data: The views, ``inputs``, and the ``data_samples`` of their images.
        teacher_outputs: The momentum teacher's outputs for the guide ``'ema'``.
    """

    def __init__(
        self,
        guides: Guides,
        encoder: Encoder,
        data: Mapping[str, list],
        teacher_outputs: list[Tensor] | None = None,
    ) -> None:
        self.guides = guides
        self.backbone, self.neck = encoder
        self.data = data
        self.outputs: dict[str, list[Tensor]] = {}
        self.teacher_outputs = teacher_outputs or []
        self.relations: Tensor | None = None

    def loss(self, compute_loss: Callable[[], Tensor]) -> Tensor:
        """Compute the loss of the active subnet.

        Args:
            compute_loss: Runs its pass and returns the method's own loss.
        """
        with _images_of(self.backbone) as images, _outputs_of(self.neck) as calls:
            own = compute_loss()
        outputs = [output for call in calls for output in call]
        distances = self._distances(outputs)
        if self.guides.teacher is not None:
            if self.relations is None:
                self.relations = self.guides.teacher.target(images, **self.data)
            embeddings = [call[0] for call in calls]
            distances['teacher'] = self.guides.teacher.distance(embeddings, self.relations)
        detached = [output.detach() for output in outputs]
        self.outputs = dict(max=self.outputs.get('max', detached), next=detached)
        weights = {name: self.guides.weights[name] for name in distances}
        rest = 1 - sum(weights.values())
        # an own loss of no share is left out, with what it would cost to backpropagate
        terms = [rest * own] if rest > 1e-9 else []
        terms += [weight * distances[name] for name, weight in weights.items()]
        return torch.stack(terms).sum()

    def _distances(self, outputs: list[Tensor]) -> dict[str, Tensor]:
        """The distances from the outputs of each guide, which the largest subnet has none of."""
        if not self.outputs:
            return {}
        known = {**self.outputs, 'ema': self.teacher_outputs}
        return {
            name: self.guides.distance(outputs, known[name])
            for name in self.guides.weights
            if name in known
        }


def neck_outputs(output: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """Get the tensors that a neck returned."""
    return [output] if isinstance(output, Tensor) else list(output)


@contextmanager
def _outputs_of(neck: nn.Module) -> Iterator[list[list[Tensor]]]:
    """Record the tensors that a neck returns, call by call."""
    calls: list[list[Tensor]] = []

    def record(module: nn.Module, inputs: tuple, output: Tensor | tuple[Tensor, ...]) -> None:
        calls.append(neck_outputs(output))

    handle = neck.register_forward_hook(record)
    try:
        yield calls
    finally:
        handle.remove()


@contextmanager
def _images_of(backbone: nn.Module) -> Iterator[list[Tensor]]:
    """Record the images that a backbone reads, call by call."""
    images: list[Tensor] = []
    handle = backbone.register_forward_pre_hook(lambda module, inputs: images.append(inputs[0]))
    try:
        yield images
    finally:
        handle.remove()
