"""Scale gradients of losses that span the batch of all processes, for DDP."""

from mmengine.dist import get_world_size
from torch import Tensor


def with_joint_gradient(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scale gradients so that DDP's average over processes equals one process's gradient.

    Each process knows the gradient with respect to its own images only, and DDP averages these
    where it would have to add them. Values stay as they are; gradients are multiplied by the
    number of processes.
    """
    extra = get_world_size() - 1
    return {key: loss + extra * (loss - loss.detach()) for key, loss in losses.items()}
