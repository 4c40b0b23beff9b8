"""Recipes: the training config and the search that suit what a supernet starts from."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from mmengine.config import Config

from gaia_ssl.export.pretrained import Network, read_network
from gaia_ssl.export.warm_start.fit import arch_in, presets_for
from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import SearchSpace, get_space
from gaia_ssl.space.families import ResNetFamily
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config
from gaia_ssl.utils.paths import CONFIGS
from gaia_ssl.utils.weights import quiet_logger

PLACE = CONFIGS / 'own_images'


class Recipe(NamedTuple):
    """A way to get a supernet.

    Attributes:
        about: It in words.
        config: The name of its config below ``configs/own_images``.
        least_side: The least side of views in pixels.
        epochs: The most epochs that are worth their time.
        passed: The most images that a teacher sees before the first iteration.
        search: Settings of the search, by its task; the others are its defaults.
    """

    about: str
    config: str
    least_side: int
    epochs: int
    passed: int
    search: dict[str, dict[str, str]]


# what the scores are taken by is what docs/en/notes/evidence.md found to rank archs best
RECIPES = {
    'scratch': Recipe(
        'MoCo v2, from random weights',
        'mocov2_tiny10to22_bs64-coslr-20e_own-images',
        32,
        200,
        0,
        {'global': dict(distance='pooled_rank'), 'dense': dict(distance='pooled_neighbours')},
    ),
    'teacher': Recipe(
        'taught by {}, from random weights',
        'distill_tiny10to22_bs64-coslr-10e_own-images',
        32,
        100,
        sys.maxsize,  # they are cached
        {'global': dict(distance='neighbours'), 'dense': dict(distance='cka')},
    ),
    'pretrained': Recipe(
        'started from {}, which it keeps as its largest subnet and its teacher',
        'warm_ar26to50_bs64-coslr-5e_own-images',
        64,
        20,
        4096,  # for the principal components
        {'global': dict(distance='neighbours'), 'dense': dict(distance='cka')},
    ),
}
# mmpretrain's ResNets, by their arch
DEPTHS = {
    ('basic', (2, 2, 2, 2)): 18,
    ('basic', (3, 4, 6, 3)): 34,
    ('bottleneck', (3, 4, 6, 3)): 50,
    ('bottleneck', (3, 4, 23, 3)): 101,
    ('bottleneck', (3, 8, 36, 3)): 152,
}


def make_config(
    start: str, images: str, side: int, network: str | None = None, begin: str | None = None
) -> Config:
    """The training config of a recipe.

    Args:
        start: The recipe, a key of RECIPES.
        images: The folder of images.
        side: Side of the views in pixels.
        network: Checkpoint of the teacher, or of the network to start from.
        begin: The supernet's checkpoint that ``network_to_supernet`` writes of it.

    Raises:
        UserError: If the network cannot be read, or does not suit the recipe.
    """
    named = dict(IMAGES=images, SIDE=str(side), TEACHER=network, START=begin)
    os.environ.update({f'GAIA_SSL_{k}': v for k, v in named.items() if v is not None})
    with quiet_logger():  # MMEngine names each variable that it reads
        config = load_config(str(PLACE / f'{RECIPES[start].config}.py'))
    if network is not None:
        read = read_network(network)
        change = dict(teacher=_teach, pretrained=_begin)[start]
        config.merge_from_dict(change(config, read, network))
    return config


def _teach(config: Config, network: Network, path: str) -> dict[str, Any]:
    """Settings of a teacher."""
    family = network.family
    depth = None
    if isinstance(family, ResNetFamily) and not family.group_widths:
        depth = DEPTHS.get((family.block, tuple(network.arch['depth'])))
    if depth is None:
        raise UserError(
            f'teacher: {path} is none of ResNet-18 to 152; write a config with another one as '
            "model.teacher, from a copy of this recipe's, and use tools/train.py"
        )
    return {'model.teacher.depth': depth}


def _begin(config: Config, network: Network, path: str) -> dict[str, Any]:
    """Settings of a supernet whose MAX is a network."""
    presets = [
        n for n in presets_for(network) if arch_in(network, get_space(n)) == get_space(n).max
    ]
    if not presets:
        raise UserError(
            f'pretrained: {path} is the largest subnet of no preset; give a ResNet-18, 34, 50 or '
            '101, a ResNeXt-50 or a MobileNetV2, or use it as --teacher'
        )
    space = get_space(presets[0])
    backbone = SUPERNETS[type(space.family)].__name__
    channels = space.path(space.max).stages[-1][-1].out_channels
    settings: dict[str, Any] = {
        f'model.{part}.{key}': value
        for part in ('backbone', 'teacher')
        for key, value in dict(type=backbone, space=space.name).items()
    }
    settings |= {'model.neck.in_channels': channels}
    settings |= {'model.teacher.out_indices': _stages(space)}
    if network.style:
        settings |= {f'model.{part}.style': network.style for part in ('backbone', 'teacher')}
    for key, value in (network.normalisation or {}).items():
        settings[f'model.data_preprocessor.{key}'] = value
    return settings


def _stages(space: SearchSpace) -> Sequence[int]:
    """The last stage of each size of maps, of the four smallest sizes."""
    shapes = space.family.output_shapes(space.max, (224, 224))
    sizes = [shape.size for shape in shapes]
    return [i for i, size in enumerate(sizes) if size not in sizes[i + 1 :]][-4:]
