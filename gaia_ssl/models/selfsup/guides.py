"""In-place distillation: subnets learn from the outputs of larger ones on the same images."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

Guide = Literal['max', 'next', 'ema']
GUIDES: tuple[Guide, ...] = ('max', 'next', 'ema')


class Guides(nn.Module):
    """A mix of a subnet's own loss and the distances of its embeddings from those of its guides.

    The guides of an iteration see the same views as the subnet:

    ``'max'``
        MAX, as in BigNAS (Yu et al., ECCV 2020).
    ``'next'``
        The next larger subnet of the iteration, as in Scala (Zhang et al., NeurIPS 2024).
    ``'ema'``
        The method's momentum teacher, as in POA (Zhang et al., ECCV 2024).

    Compared are all outputs of the neck, view by view, so that every method can use it. The largest
    subnet of an iteration has no guide.

    Args:
        weights: Shares of the guides in a subnet's loss, each above 0, at most 1 together; the rest
            is the share of its own loss.
        loss: Config of the loss that compares a subnet's outputs with a guide's, both (..., D).
            Defaults to one minus the cosine similarity.

    Raises:
        UserError: If a guide is unknown, or the shares are out of range.
    """

    def __init__(self, weights: Mapping[Guide, float], loss: dict | None = None) -> None:
        super().__init__()
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
        self.weights = dict(weights)
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
        neck: The neck that the subnets' passes call.
        teacher_outputs: The momentum teacher's outputs for the guide ``'ema'``.
    """

    def __init__(
        self, guides: Guides, neck: nn.Module, teacher_outputs: list[Tensor] | None = None
    ) -> None:
        self.guides, self.neck = guides, neck
        self.outputs: dict[str, list[Tensor]] = {}
        self.teacher_outputs = teacher_outputs or []

    def loss(self, compute_loss: Callable[[], Tensor]) -> Tensor:
        """Compute the loss of the active subnet.

        Args:
            compute_loss: Runs its pass and returns the method's own loss.
        """
        with _recorded(self.neck) as outputs:
            own = compute_loss()
        guides, largest = {**self.outputs, 'ema': self.teacher_outputs}, not self.outputs
        detached = [output.detach() for output in outputs]
        self.outputs = dict(max=guides.get('max', detached), next=detached)
        if largest:
            return own
        weights = self.guides.weights
        rest = 1 - sum(weights.values())
        # an own loss of no share is left out, with what it would cost to backpropagate
        terms = [rest * own] if rest > 1e-9 else []
        terms += [w * self.guides.distance(outputs, guides[name]) for name, w in weights.items()]
        return torch.stack(terms).sum()


def neck_outputs(output: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """Get the tensors that a neck returned."""
    return [output] if isinstance(output, Tensor) else list(output)


@contextmanager
def _recorded(neck: nn.Module) -> Iterator[list[Tensor]]:
    """Record all tensors that a neck returns, call by call."""
    outputs: list[Tensor] = []

    def record(module: nn.Module, inputs: tuple, output: Tensor | tuple[Tensor, ...]) -> None:
        outputs.extend(neck_outputs(output))

    handle = neck.register_forward_hook(record)
    try:
        yield outputs
    finally:
        handle.remove()
