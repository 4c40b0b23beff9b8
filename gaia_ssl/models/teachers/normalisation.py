"""The normalisation of a network's images, and the change from one to another."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from gaia_ssl.utils import UserError


class Normalisation(NamedTuple):
    """Normalisation of images whose values are 0 to 255.

    Attributes:
        mean: The mean of each channel.
        std: The standard deviation of each channel.
        rgb: Whether the channels are in the order RGB, not BGR.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    rgb: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> 'Normalisation':
        """Read it from the config of a data preprocessor of OpenMMLab, whose images are BGR.

        Raises:
            UserError: If mean and standard deviation are not numbers, one per channel.
        """
        mean, std = options.get('mean') or [0.0], options.get('std') or [1.0]
        if not (_numbers(mean) and _numbers(std) and len(mean) == len(std) and all(std)):
            raise UserError(
                f'data_preprocessor: mean {mean} and std {std} are not one number per channel'
            )
        rgb = bool(options.get('to_rgb') or options.get('bgr_to_rgb'))
        return cls(tuple(map(float, mean)), tuple(map(float, std)), rgb)

    @classmethod
    def of_unit_range(cls, mean: Sequence[float], std: Sequence[float]) -> 'Normalisation':
        """That of a library whose images are RGB with values 0 to 1."""
        return cls(tuple(255 * x for x in mean), tuple(255 * x for x in std))

    def change(self, images: Tensor, other: 'Normalisation') -> Tensor:
        """Normalise images by ``other`` that were normalised by this one: (N, C, H, W)."""
        if self == other:
            return images
        mean, std = self.mean, self.std
        if self.rgb != other.rgb and images.size(1) == 3:
            images, mean, std = images.flip(1), mean[::-1], std[::-1]
        shape = (1, -1, 1, 1)
        old_mean, old_std, new_mean, new_std = (
            images.new_tensor(x).view(shape) for x in (mean, std, other.mean, other.std)
        )
        return images * (old_std / new_std) + (old_mean - new_mean) / new_std


def _numbers(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(x, int | float) for x in values)


IMAGENET = Normalisation.of_unit_range((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
