"""In-place distillation: smaller subnets learn from the largest one's embeddings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError


class InplaceDistillation(nn.Module):
    """A mix of a subnet's own loss and the distance of its embeddings from MAX's.

    In BigNAS (Yu et al., ECCV 2020) smaller subnets learn from the largest one's class
    probabilities. Here, where there are no classes, they learn from all outputs of the neck, view
    by view, so that every method can use it.

    Args:
        weight: Share of the distillation in the loss of a smaller subnet, in (0, 1]; 1
            replaces the method's own loss. Defaults to 1.
        loss: Config of the loss that compares a subnet's outputs with MAX's, both (..., D).
            Defaults to one minus the cosine similarity.

    Raises:
        UserError: If the weight is out of range.
    """

    def __init__(self, weight: float = 1.0, loss: dict | None = None) -> None:
        super().__init__()
        if not 0 < weight <= 1:
            raise UserError(f'model.distillation.weight: {weight} is not in (0, 1]')
        self.weight = weight
        loss = loss or dict(type='mmpretrain.CosineSimilarityLoss', shift_factor=1.0)
        self.loss_module = MODELS.build(loss)

    def forward(
        self, neck: nn.Module, compute_loss: Callable[[], Tensor], guide: list[Tensor] | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Compute the loss of the active subnet.

        Args:
            neck: The neck that the subnet's pass calls.
            compute_loss: Runs the pass and returns the method's own loss.
            guide: The neck's outputs at MAX; None if the active subnet is MAX.

        Returns:
            The loss, and the neck's outputs at MAX, without gradients.
        """
        with _recorded(neck) as outputs:
            loss = compute_loss()
        if guide is None:
            return loss, [out.detach() for out in outputs]
        # (N, D, ...) -> (N, ..., D)
        pairs = [(a.movedim(1, -1), b.movedim(1, -1)) for a, b in zip(outputs, guide, strict=True)]
        distance = torch.stack([self.loss_module(*pair) for pair in pairs]).mean()
        own = (1 - self.weight) * loss if self.weight < 1 else 0
        return own + self.weight * distance, guide


@contextmanager
def _recorded(neck: nn.Module) -> Iterator[list[Tensor]]:
    """Record all tensors that a neck returns, call by call."""
    outputs: list[Tensor] = []

    def record(module: nn.Module, inputs: tuple, output: Tensor | tuple[Tensor, ...]) -> None:
        outputs.extend([output] if isinstance(output, Tensor) else output)

    handle = neck.register_forward_hook(record)
    try:
        yield outputs
    finally:
        handle.remove()
