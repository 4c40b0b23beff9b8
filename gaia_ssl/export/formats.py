"""Subnets in the formats of other runtimes: what takes normalised images and puts out maps."""

import importlib.util
import os.path as osp
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gaia_ssl.models.backbones.base import SubnetBackbone
from gaia_ssl.utils import UserError

SIDE = 96  # pixels of what is traced: no map has a side of 1, which would be taken for a constant


class Format(NamedTuple):
    """A way to write a subnet.

    Attributes:
        file: The file's name.
        write: Writes a subnet in eval mode, given images to trace it with, to a path.
        needs: Packages beside torch.
    """

    file: str
    write: Callable[[SubnetBackbone, Tensor, str], None]
    needs: tuple[str, ...] = ()


def export(net: SubnetBackbone, formats: Sequence[str], in_channels: int, folder: str) -> None:
    """Write a subnet in some formats; each puts out one map per stage.

    Batch size, height and width are free; in ``torch_export`` multiples of 4 pixels, since torch's
    shape function of max pooling asks what is left over.

    Args:
        net: The subnet, on the CPU; it ends in eval mode and puts out every stage.
        formats: Names among ``FORMATS``.
        in_channels: Channels of the images.
        folder: Where the files go.

    Raises:
        UserError: If a format is unknown or needs a package that is not there.
    """
    check_formats(formats)
    net.eval()
    net.out_indices = tuple(range(len(net.active_path.stages)))
    images = torch.zeros(2, in_channels, SIDE, SIDE)
    with torch.no_grad():
        for name in formats:
            FORMATS[name].write(net, images, osp.join(folder, FORMATS[name].file))


def check_formats(formats: Sequence[str]) -> None:
    """Raise ``UserError`` where a format is unknown or needs a package that is not there."""
    for name in formats:
        if name not in FORMATS:
            raise UserError(f'--export: {name!r} is unknown; choose from {", ".join(FORMATS)}')
        missing = [p for p in FORMATS[name].needs if importlib.util.find_spec(p) is None]
        if missing:
            raise UserError(
                f'--export: {name} needs {" and ".join(missing)}; pip install {" ".join(missing)}'
            )


def _write_onnx(net: SubnetBackbone, images: Tensor, path: str) -> None:
    torch.onnx.export(
        net,
        (images,),
        path,
        input_names=['images'],
        output_names=[f'stage{stage + 1}' for stage in net.out_indices],
        dynamic_shapes=({0: 'batch', 2: 'height', 3: 'width'},),
        external_data=False,
        dynamo=True,
        verbose=False,
    )


def _write_torchscript(net: SubnetBackbone, images: Tensor, path: str) -> None:
    torch.jit.trace(net, images).save(path)


def _write_torch_export(net: SubnetBackbone, images: Tensor, path: str) -> None:
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    torch.export.save(torch.export.export(net, (images,), dynamic_shapes=(free,)), path)


FORMATS = {
    'onnx': Format('backbone.onnx', _write_onnx, needs=('onnx', 'onnxscript')),
    'torchscript': Format('backbone.torchscript', _write_torchscript),
    'torch_export': Format('backbone.pt2', _write_torch_export),
}
