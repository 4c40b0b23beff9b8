"""Reading a pretrained network: its family, its arch and its weights by our names."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import Arch, Family
from gaia_ssl.utils import UserError
from gaia_ssl.utils.weights import check_weights

from . import mobilenet, resnet
from .checkpoint import read_state_dict, strip_prefix


class Network(NamedTuple):
    """A pretrained network.

    Attributes:
        family: Its kind, with the options that shapes tell; strides and ``style`` leave no trace.
        arch: Its arch.
        weights: Its state dict, as its family's subnet of that arch names it.
        style: Its style, see ``ResNetFamily``, where the checkpoint's ``meta`` says it.
        normalisation: Mean, standard deviation and ``to_rgb`` of its images, likewise.
    """

    family: Family
    arch: Arch
    weights: dict[str, Tensor]
    style: str | None = None
    normalisation: dict[str, Any] | None = None


class _Layout(NamedTuple):
    """A project's names of a network's weights.

    Attributes:
        rename: Renames the weights as ours; others than the backbone's are left out.
        describe: Infers family and arch from renamed weights.
    """

    rename: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
    describe: Callable[[Mapping[str, Tensor]], tuple[Any, Arch]]


# by the name of a weight that only this layout has
_LAYOUTS = {resnet.MARKER: _Layout(resnet.own_names, resnet.describe)} | {
    marker: _Layout(rename, mobilenet.describe) for marker, rename in mobilenet.LAYOUTS.items()
}


def read_network(checkpoint: str, prefix: str | None = None) -> Network:
    """Read a ResNet, ResNeXt or MobileNetV2 of torchvision, timm, mmpretrain or mmdet.

    Args:
        checkpoint: Path of the checkpoint, of the network alone or of a model that contains it.
        prefix: Prefix of the backbone's keys. Defaults to the shortest under which there is one.

    Raises:
        UserError: If the file cannot be read or holds no such network, weights are missing or are
            not finite, or there are others that the network does not have.
    """
    state_dict, meta = read_state_dict(checkpoint)
    marker, given = strip_prefix(state_dict, _LAYOUTS, prefix, checkpoint)
    layout = _LAYOUTS[marker]
    problem = f'checkpoint: {checkpoint} is not a plain ResNet, ResNeXt or MobileNetV2'
    try:
        weights = layout.rename(given)
        family, arch = layout.describe(weights)
        with torch.device('meta'):
            own = SUPERNETS[type(family)].subnet_type(arch, **vars(family)).state_dict()
    except KeyError as error:
        raise UserError(f'{problem}: {error} is missing; give a complete one') from error
    except (ValueError, UserError) as error:
        raise UserError(f'{problem}: {error}; give one of those') from error
    # checkpoints of early versions of torch lack the counters, which change nothing
    counters = {key: torch.tensor(0) for key in own if key.endswith('num_batches_tracked')}
    weights = counters | weights
    check_weights(own, weights, problem, 'give a complete checkpoint of one')
    diverged = [key for key, value in weights.items() if not value.isfinite().all()]
    if diverged:
        raise UserError(
            f'checkpoint: {checkpoint} has weights that are not finite (first: {diverged[0]}); '
            'give those of a training that went well'
        )
    # extraction and keras_to_torchvision write these
    options = meta.get('family')
    style = meta.get('style') or (options.get('style') if isinstance(options, dict) else None)
    weights = {key: weights[key] for key in own}
    return Network(family, arch, weights, style, meta.get('normalisation'))
