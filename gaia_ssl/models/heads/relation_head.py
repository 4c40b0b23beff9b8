"""Head of ReSSL."""

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.registry import MODELS


@MODELS.register_module()
class RelationHead(BaseModule):
    """Cross entropy between two views' distributions of similarity to the same other images.

    Args:
        temperature: Temperature of the student's distribution. Defaults to 0.1.
        teacher_temperature: Temperature of the teacher's; lower is sharper. Defaults to 0.04.
        init_cfg: Initialisation, MMEngine style.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.temperature = temperature
        self.teacher_temperature = teacher_temperature

    def relation(self, similarities: Tensor) -> Tensor:
        """Turn the teacher's similarities to K other images, (N, K), into distributions."""
        return F.softmax(similarities / self.teacher_temperature, dim=1)

    def loss(self, similarities: Tensor, relation: Tensor) -> Tensor:
        """Compute ReSSL's loss (equation 5) of the student's similarities.

        Args:
            similarities: Similarities of the student's embeddings to the others, (N, K).
            relation: The teacher's distributions, (N, K).

        Returns:
            The mean cross entropy over images.
        """
        return F.cross_entropy(similarities / self.temperature, relation)
