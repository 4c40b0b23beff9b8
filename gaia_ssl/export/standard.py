"""Find the torchvision ResNet that an arch equals."""

from collections.abc import Sequence
from typing import Any

from gaia_ssl.space import Arch, Family
from gaia_ssl.space.families import ResNetFamily

NO_STEP = ('block', 'style', 'in_channels')  # options of the family that leave no trace in the path
WIDTH = (64, 128, 256, 512)
DOUBLE = (128, 256, 512, 1024)
FOURFOLD = (256, 512, 1024, 2048)


def _net(
    block: str, depth: Sequence[int], width: Sequence[int] = WIDTH, **options: Any
) -> tuple[ResNetFamily, Arch]:
    arch = dict(stem_width=64, width=list(width), depth=list(depth))
    return ResNetFamily(block=block, **options), arch


# He et al., CVPR 2016; Xie et al., CVPR 2017 (ResNeXt); Zagoruyko and Komodakis, BMVC 2016 (wide)
TORCHVISION = {
    'resnet18': _net('basic', (2, 2, 2, 2)),
    'resnet34': _net('basic', (3, 4, 6, 3)),
    'resnet50': _net('bottleneck', (3, 4, 6, 3)),
    'resnet101': _net('bottleneck', (3, 4, 23, 3)),
    'resnet152': _net('bottleneck', (3, 8, 36, 3)),
    'wide_resnet50_2': _net('bottleneck', (3, 4, 6, 3), DOUBLE, expansion=2),
    'wide_resnet101_2': _net('bottleneck', (3, 4, 23, 3), DOUBLE, expansion=2),
    'resnext50_32x4d': _net(
        'bottleneck', (3, 4, 6, 3), DOUBLE, expansion=2, group_widths=(4, 8, 16, 32)
    ),
    'resnext101_32x8d': _net(
        'bottleneck', (3, 4, 23, 3), FOURFOLD, expansion=1, group_widths=(8, 16, 32, 64)
    ),
    'resnext101_64x4d': _net(
        'bottleneck', (3, 4, 23, 3), FOURFOLD, expansion=1, group_widths=(4, 8, 16, 32)
    ),
}


def torchvision_name(family: Family, arch: Arch) -> str | None:
    """Name the network of torchvision that has the same weights as an arch, but for the classifier.

    Args:
        family: The family with its options.
        arch: An arch of it.

    Returns:
        Its name in torchvision, e.g. ``'resnet50'``; None if there is no such network.
    """
    if not isinstance(family, ResNetFamily):
        return None
    for name, (standard, standard_arch) in TORCHVISION.items():
        same = all(getattr(family, k) == getattr(standard, k) for k in NO_STEP)
        if same and family.path(arch) == standard.path(standard_arch):
            return name
    return None
