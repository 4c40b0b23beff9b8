"""Project a teacher's embeddings on their principal components, fitted once."""

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint


class PrincipalComponents(nn.Module):
    """The first principal components of embeddings.

    They are computed once and then stay, as a learned map of the targets could collapse. They are
    buffers, so that checkpoints hold them: a student's head depends on them.

    Args:
        channels: Channels of an embedding, D.
        number: The number of components, K.

    Attributes:
        center: The mean of the embeddings they were computed from, (D,).
        components: Orthogonal unit vectors, by falling variance, (K, D); zero until computed.

    Raises:
        UserError: If there cannot be as many components.
    """

    center: Tensor
    components: Tensor

    def __init__(self, channels: int, number: int) -> None:
        super().__init__()
        if not isinstance(number, int) or not 1 <= number <= channels:
            raise UserError(
                f'model.components: {number!r} is not in 1 to {channels}, the channels of the '
                "teacher's embedding"
            )
        self.register_buffer('center', torch.zeros(channels))
        self.register_buffer('components', torch.zeros(number, channels))
        self._ready = False  # looking at the buffer waits for the GPU: once is enough

    @property
    def fitted(self) -> bool:
        """True once they have been computed."""
        return bool(self.components.any())

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map centred embeddings: (N, D) -> (N, K).

        Raises:
            UserError: If the components have not been computed.
        """
        self._ready = self._ready or self.fitted
        if not self._ready:
            raise UserError(
                'model.components: not computed yet; train by tools/train.py, load a checkpoint, '
                'or give components_file'
            )
        with torch.autocast(embeddings.device.type, enabled=False):
            return (embeddings.to(self.center) - self.center) @ self.components.T

    @torch.no_grad()
    def fit(self, embeddings: Tensor) -> None:
        """Compute the components of embeddings, (M, D).

        The sign of each is such that its largest entry is positive, so that the result is
        determined.

        Raises:
            UserError: If there are no more embeddings than components.
        """
        number = len(self.components)
        if len(embeddings) <= number:
            raise UserError(
                f'model.components: {number} components need more than {len(embeddings)} images; '
                'give more images or fewer components'
            )
        points = embeddings.double().cpu()
        center = points.mean(0)
        _, vectors = torch.linalg.eigh((points - center).T.cov(correction=0))
        rows = vectors.flip(1)[:, :number].T  # (D, D), rising variance -> (K, D), falling
        largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
        self.center.copy_(center)
        self.components.copy_(rows * largest.sign())

    def load(self, file: str) -> None:
        """Read them from a checkpoint with ``center`` and ``components``.

        Raises:
            UserError: If it cannot be read or holds others.
        """
        content = load_checkpoint(file)
        for name, own in (('center', self.center), ('components', self.components)):
            value = content.get(name) if isinstance(content, dict) else None
            if not isinstance(value, Tensor) or value.shape != own.shape:
                raise UserError(
                    f'model.components_file: {file} has no {name} of shape {tuple(own.shape)}; '
                    'give components of this teacher'
                )
            own.copy_(value)
