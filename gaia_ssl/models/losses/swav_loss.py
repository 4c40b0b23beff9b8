"""SwAV's loss without side effects, and with codes of the whole batch."""

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_rank
from mmpretrain.models.losses.swav_loss import SwAVLoss as _SwAVLoss
from mmpretrain.models.losses.swav_loss import distributed_sinkhorn
from torch import Tensor

from gaia_ssl.registry import MODELS


@MODELS.register_module()
class SwAVLoss(_SwAVLoss):
    """mmpretrain's ``SwAVLoss``, which may be computed several times per iteration.

    mmpretrain's fills its queue whenever it is computed, and in several processes its Sinkhorn
    iterations normalise each process's share of the batch by itself. Here the queue is only read,
    and the codes are those of the joined batch. Arguments are the same.

    Attributes:
        queue: Embeddings of earlier images, (len(crops_for_assign), L, D), or None.
        embeddings: Those that the loss was last computed of, without gradients.
        freeze_prototypes: Whether the prototypes are to stay as they are.
    """

    freeze_prototypes = False
    embeddings: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The swapped prediction loss (Caron et al., NeurIPS 2020, equation 2).

        Args:
            x: L2-normalised embeddings of all crops, (sum(num_crops) * N, D), crop by crop.

        Returns:
            The mean over the crops that give codes, the others that predict them, and images.
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
        """Cosine similarities to the prototypes: (M, D) -> (M, num_prototypes)."""
        weight = self.prototypes.weight
        with torch.no_grad():
            weight.copy_(F.normalize(weight, dim=1))
        if self.freeze_prototypes:
            # zero gradients rather than none: DDP waits for those of every parameter
            weight = weight.detach() + 0 * weight
        return F.linear(x, weight)

    @torch.no_grad()
    def codes(self, index: int, x: Tensor) -> Tensor:
        """The soft assignments of this process's images to the prototypes.

        Args:
            index: Position among ``crops_for_assign``.
            x: Embeddings of those crops, (N, D).

        Returns:
            Their codes, (N, num_prototypes); each sums to one.
        """
        joined = torch.cat(all_gather(x))
        batch = len(joined)
        if self.queue is not None:
            joined = torch.cat([self.queue[index].to(joined), joined])
        # half precision would be too coarse for the exponentials
        with torch.autocast(x.device.type, enabled=False):
            weight = self.prototypes.weight
            scores = F.linear(joined.to(weight), weight)  # (M, D) -> (M, num_prototypes)
            # every process has all scores, so that none needs another's sums
            codes = distributed_sinkhorn(scores, self.sinkhorn_iterations, 1, self.epsilon)
        return codes[-batch:][get_rank() * len(x) :][: len(x)]
