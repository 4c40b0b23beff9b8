"""Teachers from program files: TorchScript and ``torch.export``."""

import os
import os.path as osp
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor
from torch.export.passes import move_to_device_pass

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import TRUST
from gaia_ssl.utils.files import file_digest

from .network import Features, TeacherNetwork

FORMATS = ('torchscript', 'export')


@MODELS.register_module()
class ProgramTeacher(TeacherNetwork):
    """A network in a file with its code: TorchScript, or ``torch.export`` with a free batch size.

    Such a file is run, so it needs the user's consent. It cannot tell what it expects, so that the
    config of the teacher states ``input_size`` and ``data_preprocessor``, and it runs at that size
    only: a traced network may be wrong at others.

    Args:
        file: The file.
        format: ``'torchscript'`` or ``'export'``. Defaults to ``'export'`` for ``.pt2``, else
            ``'torchscript'``.
        embedding: Index, or key, of the embedding among the outputs. Defaults to 0.
        map: Index, or key, of the feature map. Defaults to None: there is none.

    Raises:
        UserError: If the user has not consented, or the file cannot be read.
    """

    states_images = False

    def __init__(
        self,
        file: str,
        format: str | None = None,
        embedding: int | str = 0,
        map: int | str | None = None,
    ) -> None:
        super().__init__()
        format = format or ('export' if file.endswith('.pt2') else 'torchscript')
        if format not in FORMATS:
            raise UserError(f'model.teacher.format: {format!r} is not one of {", ".join(FORMATS)}')
        if not osp.isfile(file):
            raise UserError(f'model.teacher.file: {file} does not exist')
        if os.environ.get(TRUST) != '1':
            raise UserError(
                f'model.teacher.file: {file} is a program, which could do anything; set {TRUST}=1 '
                'if you trust its author'
            )
        self.identity = file_digest(file)
        self.outputs = [embedding] if map is None else [embedding, map]
        self.exported = None
        try:
            if format == 'export':
                self.exported = torch.export.load(file)
                self.program: nn.Module = self.exported.module()
            else:
                self.program = torch.jit.load(file, map_location='cpu')
        except Exception as error:  # a damaged file can fail in any way
            reason = str(error).strip().partition('\n')[0]
            raise UserError(
                f'model.teacher.file: {file} cannot be read as {format} ({reason}); give another '
                'format, or write the file again'
            ) from error

    def forward(self, images: Tensor) -> Features:
        """The outputs that the config names."""
        outputs = self.program(images)
        if isinstance(outputs, Tensor):
            outputs = [outputs]
        try:
            embedding, *maps = (outputs[key] for key in self.outputs)
        except (LookupError, TypeError) as error:
            raise UserError(
                f'model.teacher: its program has no outputs {self.outputs}; mend embedding or map'
            ) from error
        return Features(embedding, tuple(maps))

    def freeze(self) -> None:
        """Take away the gradients; an exported program has no modes to switch."""
        self.requires_grad_(False)
        self.training = False

    def to(self, device: Any) -> 'ProgramTeacher':  # type: ignore[override]
        """Move to a device, constants of an exported program included."""
        if self.exported is None:
            self.program.to(device)
        else:
            self.program = move_to_device_pass(self.exported, str(device)).module()
            self.program.requires_grad_(False)
        return self
