"""Losses of the batch joined over all processes."""

from mmengine.dist import get_world_size
from torch import Tensor


def with_joint_gradient(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give losses of the joined batch the gradient that one process would have on it.

    Each process knows the gradient with respect to its own images only, and DDP averages where it
    would have to add. Values stay; gradients are multiplied by the number of processes.
    """
    extra = get_world_size() - 1
    return {key: loss + extra * (loss - loss.detach()) for key, loss in losses.items()}
