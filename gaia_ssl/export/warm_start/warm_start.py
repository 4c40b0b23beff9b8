"""Write a pretrained network as the checkpoint of a supernet that starts from it."""

import os.path as osp
from typing import Any, NamedTuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.model import BaseModule

from gaia_ssl.downstream.subnet import Normalisation
from gaia_ssl.export.pretrained import Network, read_network
from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.models.supernet import BACKBONE_PREFIX, build_supernet, build_supernet_backbone
from gaia_ssl.space import Arch, Family
from gaia_ssl.space.families import ResNetFamily
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import save_checkpoint
from gaia_ssl.utils.files import file_digest
from gaia_ssl.utils.weights import init_quietly

from .fit import arch_in, check_fit
from .grow import fill
from .order import sort_channels
from .streams import streams_of


class WarmStart(NamedTuple):
    """A supernet that starts from a network.

    Attributes:
        arch: The network's arch in the space.
        is_max: True if the network is the space's MAX; else MAX is larger and computes the same.
        channels: By stage, the network's index of each of its channels in the supernet.
    """

    arch: Arch
    is_max: bool
    channels: list[list[int]]


def network_to_supernet(
    config: Config, checkpoint: str, out: str, prefix: str | None = None, seed: int = 0
) -> WarmStart:
    """Write a supernet's checkpoint whose MAX computes what a pretrained network does.

    In eval mode the first channels of each stage's output at MAX are the network's, in the order
    that the checkpoint's ``meta`` records. Channels are sorted by importance, so that smaller
    subnets have the most important ones. A neck, a head and what the network lacks are initialised;
    a momentum teacher gets the same weights as the trained encoder. For a method with a frozen
    teacher the backbone alone is written, since its teacher may be this very checkpoint.

    Args:
        config: Training config of the supernet; it may have nothing but ``model.backbone``.
        checkpoint: Checkpoint of torchvision, timm, mmpretrain or mmdet, see ``read_network``.
        out: The checkpoint to write, for ``load_from``, search and extraction.
        prefix: Prefix of the network's keys. Defaults to the shortest under which there is one.
        seed: Seed of the initialisation. Defaults to 0.

    Raises:
        UserError: If the config has no supernet, the checkpoint is not a network that can be read,
            or the network does not fit into the space or was trained on other images.
    """
    network = read_network(checkpoint, prefix)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, backbone = _build(config)
        check_fit(network, backbone.space, checkpoint)
        _check_images(network, backbone.space.family, config, checkpoint)
        init_quietly(model)
    space = backbone.space
    arch = arch_in(network, space)
    weights, orders = sort_channels(network.weights, streams_of(network.family, network.arch))
    fill(backbone, weights)
    start = WarmStart(arch, arch == space.max, [orders[s] for s in range(space.family.stages)])
    meta = dict(
        checkpoint=checkpoint,
        checkpoint_sha256=file_digest(osp.expanduser(checkpoint)),
        space=space.name,
        **start._asdict(),
    )
    _give_to_teacher(model)
    save_checkpoint(dict(state_dict=model.state_dict(), meta=dict(warm_start=meta)), out)
    return start


def _build(config: Config) -> tuple[BaseModule, DynamicBackbone]:
    """A config's self-supervised model, or one of its backbone alone, and the trained backbone."""
    model: Any
    options = config.get('model', {})
    if 'type' in options and 'teacher' not in options:
        model = build_supernet(config)
        return model, model.student[0]
    model, backbone = BaseModule(), build_supernet_backbone(config)
    model.add_module(BACKBONE_PREFIX.removesuffix('.'), backbone)
    return model, backbone


def _check_images(network: Network, family: Family, config: Config, checkpoint: str) -> None:
    """Compare what the checkpoint says of its style and its images with the config."""
    if isinstance(family, ResNetFamily) and network.style not in (None, family.style):
        raise UserError(
            f'model.backbone.style: {checkpoint} is in {network.style} style; set it to '
            f'{network.style!r}'
        )
    teacher = config.model.get('teacher') or {}
    same = teacher.get('type') == config.model.backbone.type
    if same and isinstance(family, ResNetFamily):
        if teacher.get('style', ResNetFamily.style) != family.style:
            raise UserError(
                f'model.teacher.style: model.backbone.style is {family.style!r}; set it to that'
            )
    wanted = network.normalisation
    if wanted and 'type' in config.model and vars(Normalisation.of(config)) != wanted:
        options = ', '.join(f'{name}={value}' for name, value in wanted.items())
        raise UserError(
            f'model.data_preprocessor: {checkpoint} wants another normalisation of images; set '
            f'{options}'
        )


def _give_to_teacher(model: BaseModule) -> None:
    """Copy the trained encoder to a momentum teacher."""
    from gaia_ssl.models.selfsup.momentum import MomentumSupernet  # it imports mmpretrain

    if isinstance(model, MomentumSupernet):
        trained = nn.Sequential(*model.student)
        nn.Sequential(*model.teacher).load_state_dict(trained.state_dict())
