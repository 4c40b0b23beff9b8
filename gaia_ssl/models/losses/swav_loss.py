"""SwAV's loss without side effects; codes are computed over the batch of all processes."""

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_rank
from mmpretrain.models.losses.swav_loss import SwAVLoss as _SwAVLoss
from mmpretrain.models.losses.swav_loss import distributed_sinkhorn
from torch import Tensor

from gaia_ssl.registry import MODELS


@MODELS.register_module()
class SwAVLoss(_SwAVLoss):
    """A version of mmpretrain's ``SwAVLoss`` that can be computed several times per iteration.

    mmpretrain's fills its queue whenever it is computed, and in several processes its Sinkhorn
    iterations normalise each process's share of the batch separately. Here the queue is only read,
    and the codes are those of the joined batch. The arguments are the same.

    Attributes:
        queue: Embeddings of earlier images, (len(crops_for_assign), L, D), or None.
        embeddings: The latest call's embeddings, without gradients.
        freeze_prototypes: Whether the prototypes get no gradient.
    """

    freeze_prototypes = False
    embeddings: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Compute the swapped prediction loss (Caron et al., NeurIPS 2020, equation 2).

        Args:
            x: L2-normalised embeddings of all crops, (sum(num_crops) * N, D), crop by crop.

        Returns:
            The mean over crops that give codes, crops that predict these, and images.
        """
        self.embeddings = x.detach()
        images = len(x) // sum(self.num_crops)
        crops, embeddings = self.scores(x).split(images), self.embeddings.split(images)
        losses = []
        for index, assigned in enumerate(self.crops_for_assign):
            codes = self.codes(index, embeddings[assigned])
            others = [scores for i, scores in enumerate(crops) if i != assigned]
            losses += [F.cross_entropy(scores / self.temperature, codes) for scores in others]
        return torch.stack(losses).mean()

    def scores(self, x: Tensor) -> Tensor:
        """Compute cosine similarities to the prototypes: (M, D) -> (M, num_prototypes)."""
        weight = self.prototypes.weight
        with torch.no_grad():
            weight.copy_(F.normalize(weight, dim=1))
        if self.freeze_prototypes:
            # gradients of zero rather than None, because DDP waits for every parameter's
            weight = weight.detach() + 0 * weight
        return F.linear(x, weight)

    @torch.no_grad()
    def codes(self, index: int, x: Tensor) -> Tensor:
        """Compute the soft assignments of this process's images to the prototypes.

        Args:
            index: Position among ``crops_for_assign``.
            x: Embeddings of the crops at that position, (N, D).

        Returns:
            Their codes, (N, num_prototypes); each sums to one.
        """
        joined = torch.cat(all_gather(x))
        batch = len(joined)
        if self.queue is not None:
            joined = torch.cat([self.queue[index].to(joined), joined])
        # half precision is too coarse for the exponentials
        with torch.autocast(x.device.type, enabled=False):
            weight = self.prototypes.weight
            scores = F.linear(joined.to(weight), weight)  # (M, D) -> (M, num_prototypes)
            # every process has all scores, so the number of processes given is 1
            codes = distributed_sinkhorn(scores, self.sinkhorn_iterations, 1, self.epsilon)
        return codes[-batch:][get_rank() * len(x) :][: len(x)]
