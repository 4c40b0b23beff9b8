"""Teachers from the backbones of mmpretrain, mmdet, mmseg and gaia_ssl."""

import inspect
from typing import Any

from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .network import Features, TeacherNetwork
from .weights import FIELD, load_weights, read_pretrained


class BackboneTeacher(TeacherNetwork):
    """A backbone of an OpenMMLab project, built from its config.

    The embedding is the class token, or the mean of the last map over its positions. mmpretrain's
    vision transformers are asked for all tokens, its ConvNeXt for its map, unless the config says
    otherwise. A checkpoint that says its ``style`` and the ``normalisation`` of its images, as
    ``keras_to_torchvision.py`` writes it, is read by them.

    Args:
        type: The registered name, such as ``'mmpretrain.ResNet'``.
        init_cfg: MMEngine's ``dict(type='Pretrained', checkpoint=..., prefix=...)``.
        pool: See ``TeacherNetwork``.
        options: The arguments of the backbone.

    Raises:
        UserError: If the type is unknown, there is no checkpoint, or its weights or style do not
            fit.
    """

    def __init__(
        self, type: str, init_cfg: dict | None = None, pool: str = 'cls', **options: Any
    ) -> None:
        super().__init__(pool)
        cls = MODELS.get(type) if isinstance(type, str) else type
        if cls is None:
            raise UserError(
                f'model.teacher.type: {type!r} is unknown; name the project as well, e.g. '
                "'mmpretrain.ResNet'"
            )
        pretrained = read_pretrained(init_cfg)
        if 'raw' in getattr(cls, 'OUT_TYPES', ()):
            options.setdefault('out_type', 'raw')
        if 'gap_before_final_norm' in inspect.signature(cls).parameters:
            options.setdefault('gap_before_final_norm', False)
        style = pretrained.style
        if style and options.setdefault('style', style) != style:
            raise UserError(
                f'{FIELD}.style: {options["style"]!r}, but {pretrained.file} is in {style} style; '
                f'set it to {style!r}, or leave it out'
            )
        self.backbone = MODELS.build(dict(type=type, **options))
        size = getattr(self.backbone, 'img_size', None)
        self.input_size = size if isinstance(size, int | None) else size[0]
        self.identity = style  # the same weights compute other features in another one
        load_weights(self.backbone, pretrained)
        self.normalisation = self.told = pretrained.normalisation

    def forward(self, images: Tensor) -> Features:
        """The features of the last output, and the maps of all."""
        outputs = self.backbone(images)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        features = [self._read(output) for output in outputs]
        maps = tuple(m for feature in features for m in feature.maps)
        return Features(features[-1].embedding, maps)

    def _read(self, output: Tensor) -> Features:
        if output.dim() == 4:
            return Features(output.mean((2, 3)), (output,))  # (N, C, H, W) -> (N, C)
        if output.dim() == 3:
            return self.from_tokens(output, getattr(self.backbone, 'num_extra_tokens', 0))
        return Features(output)
