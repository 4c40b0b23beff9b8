"""Load an extracted subnet as a module, and the config of its pretraining."""

from collections.abc import Sequence

import torch
from mmengine.config import Config

from gaia_ssl.downstream import Subnet
from gaia_ssl.models.backbones import SubnetBackbone
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.weights import load_into


def load_subnet(
    folder: str,
    device: str | torch.device = 'cpu',
    out_indices: Sequence[int] | None = None,
) -> SubnetBackbone:
    """Build the backbone of an extracted folder and load all of its weights.

    Args:
        folder: The folder.
        device: Device of the module. Defaults to the CPU.
        out_indices: Stages whose outputs it returns. Defaults to those of a feature pyramid, all
            four of a ResNet.

    Returns:
        The backbone in eval mode. It takes normalised images, (N, C, H, W), and returns a tuple of
        one feature map per stage.

    Raises:
        UserError: If the folder was not written by extraction, its checkpoint is damaged or of
            another arch, or a stage does not exist.
    """
    subnet = Subnet.load(folder)
    options = subnet.backbone(None if out_indices is None else tuple(out_indices), sync_norms=False)
    del options['_delete_'], options['init_cfg']
    net = MODELS.build(options)
    load_into(
        net,
        subnet.checkpoint,
        mismatch=f'is not of the arch in its meta, {subnet.arch}',
        fix='extract the subnet again',
    )
    return net.to(device).eval()


def pretraining_config(folder: str) -> Config:
    """Rebuild the parts of the pretraining's config that evaluations read.

    Args:
        folder: The folder.

    Returns:
        ``model.data_preprocessor``, with the pretraining's normalisation, and
        ``search.input_size``, for which the subnet was costed and calibrated.

    Raises:
        UserError: If the folder was not written by extraction, or its checkpoint is damaged.
    """
    subnet = Subnet.load(folder)
    meta = load_checkpoint(subnet.checkpoint, mmap=True)['meta']
    return Config(
        dict(
            model=dict(data_preprocessor=subnet.preprocessing('to_rgb')),
            search=dict(input_size=meta['input_size']),
        )
    )
