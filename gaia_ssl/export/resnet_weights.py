"""Import an ordinary ResNet's weights into an extracted folder."""

import os.path as osp
from typing import Any

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.space import SearchSpace, count_cost
from gaia_ssl.space.families import ResNetFamily
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import write_checkpoint
from gaia_ssl.utils.files import file_digest

from .output_folder import new_folder
from .pretrained import read_network

# RGB on the scale 0 to 255, as torchvision's and OpenMMLab's weights were trained
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)


def import_resnet(checkpoint: str, out: str, input_size: int = 224) -> dict[str, Any]:
    """Write the weights of a ResNet of bottlenecks into a folder with a ``backbone.pth``.

    Its arch is read off the weights. Images are assumed to be normalised as torchvision's are;
    Caffe's weights, which need BGR, are not supported.

    Args:
        checkpoint: Path of weights in torchvision's naming, under any prefix: torchvision's own,
            mmpretrain's, or those of a method such as MoCo.
        out: The folder; it appears when it is complete.
        input_size: Side in pixels of the images to count multiply-adds for. Defaults to 224.

    Returns:
        The ``meta`` of ``backbone.pth``: the facts that ``Subnet.load`` reads, costs and origin.

    Raises:
        UserError: If the file does not hold such a ResNet, or ``out`` cannot be written.
    """
    network = read_network(checkpoint)
    if network.family != ResNetFamily():
        raise UserError(
            f'checkpoint: {checkpoint} is not a plain ResNet of bottlenecks; give one, such as '
            'ResNet-50'
        )
    space = SearchSpace.of_arch(network.family, network.arch)
    digest = file_digest(osp.expanduser(checkpoint))
    cost = count_cost(space, network.arch, input_size)
    meta = dict(
        type='SubnetResNet',
        arch=network.arch,
        space=space.to_dict(),
        normalisation=IMAGENET,
        flops=cost.flops,
        params=cost.params,
        input_size=input_size,
        source=dict(checkpoint=checkpoint, checkpoint_sha256=digest),
    )
    with new_folder(out, overwrite=True) as draft:
        write_checkpoint(dict(state_dict=network.weights, meta=meta), osp.join(draft, WEIGHTS_FILE))
    return meta
