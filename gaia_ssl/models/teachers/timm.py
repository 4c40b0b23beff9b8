"""Teachers from timm."""

from typing import Any

from torch import Tensor

from gaia_ssl.registry import MODELS

from .imports import import_library
from .network import Features, TeacherNetwork
from .normalisation import Normalisation
from .weights import load_weights, read_plain


@MODELS.register_module()
class TimmTeacher(TeacherNetwork):
    """A network of timm, with the embedding that its classifier would read.

    Args:
        model_name: timm's name, such as ``'vit_small_patch14_dinov2'``.
        init_cfg: MMEngine's ``dict(type='Pretrained', checkpoint=FILE)``; a checkpoint of timm,
            also as ``.safetensors``.
        pretrained: Take timm's own weights from its hub, instead of ``init_cfg``. Defaults to
            False.
        indices: How many of the last feature maps are given, or which, as in timm's
            ``forward_intermediates``. Defaults to 1.
        options: Further arguments of ``timm.create_model``, such as ``img_size`` of a vision
            transformer or ``global_pool``.

    Raises:
        UserError: If timm is not installed, or the weights are missing or do not fit.
    """

    def __init__(
        self,
        model_name: str,
        init_cfg: dict | None = None,
        pretrained: bool = False,
        indices: int | list[int] = 1,
        **options: Any,
    ) -> None:
        super().__init__()
        checkpoint = None if pretrained else read_plain(init_cfg)
        timm = import_library('timm', 'TimmTeacher')
        self.model = timm.create_model(model_name, pretrained, num_classes=0, **options)
        self.indices = indices
        if checkpoint:
            load_weights(self.model, checkpoint)
        about = self.model.pretrained_cfg
        self.told = checkpoint and checkpoint.normalisation
        default = Normalisation.of_unit_range(about['mean'], about['std'])
        self.normalisation = self.told or default
        size = getattr(getattr(self.model, 'patch_embed', None), 'img_size', None)
        if size is None and about.get('fixed_input_size'):
            size = about['input_size'][1:]
        self.input_size = size and size[0]

    def forward(self, images: Tensor) -> Features:
        """The embedding, and the last feature maps."""
        last, maps = self.model.forward_intermediates(images, indices=self.indices, norm=True)
        return Features(self.model.forward_head(last, pre_logits=True), tuple(maps))
