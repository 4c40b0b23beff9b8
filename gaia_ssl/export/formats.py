"""Export subnets to ONNX, TorchScript and ``torch.export``."""

import importlib.util
import io
import os.path as osp
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import atomic_write, naming_file

from .deployed import DeployedSubnet

# side in pixels of the images to trace: an exporter takes the side of a 1x1 map for a constant
SIDE = 96
ABOUT = 'about.txt'
"""Name of the sentence about input and outputs in TorchScript and ``torch.export`` files."""


class Format(NamedTuple):
    """A format of exported subnets.

    Attributes:
        file: The file's name.
        write: Writes a subnet, given images to trace it with, to a path.
        needs: Packages that it needs besides torch.
    """

    file: str
    write: Callable[[DeployedSubnet, Tensor, str], None]
    needs: tuple[str, ...] = ()


def export(net: DeployedSubnet, formats: Sequence[str], folder: str) -> None:
    """Write a subnet in other formats.

    Batch size, height and width are free; ``torch_export`` takes multiples of 4 pixels, since
    torch's shape function of max pooling depends on the remainder.

    Args:
        net: The subnet, on the CPU.
        formats: Names among ``FORMATS``.
        folder: Folder of the files.

    Raises:
        UserError: If a format is unknown or needs a package that is not installed.
    """
    check_formats(formats)
    images = torch.zeros(2, net.in_channels, SIDE, SIDE, dtype=torch.uint8)
    with torch.no_grad():
        for name in formats:
            path = osp.join(folder, FORMATS[name].file)
            with naming_file(path):
                FORMATS[name].write(net, images, path)


def check_formats(formats: Sequence[str]) -> None:
    """Raise ``UserError`` if a format is unknown or needs a package that is not installed."""
    for name in formats:
        if name not in FORMATS:
            raise UserError(f'formats: {name!r} is unknown; choose from {", ".join(FORMATS)}')
        missing = [p for p in FORMATS[name].needs if importlib.util.find_spec(p) is None]
        if missing:
            raise UserError(
                f'formats: {name} needs {" and ".join(missing)}; pip install {" ".join(missing)}'
            )


def _write_onnx(net: DeployedSubnet, images: Tensor, path: str) -> None:
    program: Any = torch.onnx.export(  # None only if it writes a file
        net,
        (images,),
        input_names=['images'],
        output_names=net.outputs,
        dynamic_shapes=({0: 'batch', 2: 'height', 3: 'width'},),
        dynamo=True,
        verbose=False,
    )
    program.model.doc_string = net.about
    program.save(path, external_data=False)


def _write_torchscript(net: DeployedSubnet, images: Tensor, path: str) -> None:
    buffer = io.BytesIO()  # PyTorch's own writers tell no reason when they fail
    torch.jit.save(torch.jit.trace(net, images), buffer, _extra_files={ABOUT: net.about})
    _write(buffer, path)


def _write_torch_export(net: DeployedSubnet, images: Tensor, path: str) -> None:
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    program = torch.export.export(net, (images,), dynamic_shapes=(free,))
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={ABOUT: net.about})
    _write(buffer, path)


def _write(content: io.BytesIO, path: str) -> None:
    with atomic_write(path, 'wb') as file:
        file.write(content.getbuffer())


FORMATS = {
    'onnx': Format('backbone.onnx', _write_onnx, needs=('onnx', 'onnxscript')),
    'torchscript': Format('backbone.torchscript', _write_torchscript),
    'torch_export': Format('backbone.pt2', _write_torch_export),
}
"""Formats of other runtimes by the names that ``--export`` takes."""
