"""Teachers from Hugging Face's transformers, in local folders."""

import inspect
import json
import os.path as osp
from typing import Any

from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .imports import import_library
from .network import Features, TeacherNetwork
from .normalisation import Normalisation

CLASS_TOKENS = ('cls_token', 'class_embedding')
"""Names of the parameter that is a class token."""


@MODELS.register_module()
class HuggingFaceTeacher(TeacherNetwork):
    """A vision model of transformers, from a folder that ``save_pretrained`` wrote.

    The embedding is the class token of the last hidden state, or the mean of its positions; what a
    model calls ``pooler_output`` differs from model to model and is often untrained. Of a model of
    images and texts the part for images is taken. Code that a folder may hold is not run.

    Args:
        folder: The folder, with ``config.json`` and weights. The normalisation is read from its
            ``preprocessor_config.json``, if there is one.
        pool: See ``TeacherNetwork``.
        options: Further arguments of ``AutoModel.from_pretrained``.

    Raises:
        UserError: If transformers is not installed, the folder is not one of a model, or its
            weights are incomplete.
    """

    def __init__(self, folder: str, pool: str = 'cls', **options: Any) -> None:
        super().__init__(pool)
        if not osp.isfile(osp.join(folder, 'config.json')):
            raise UserError(
                f'model.teacher.folder: {folder} has no config.json; give a folder that '
                'save_pretrained wrote'
            )
        transformers = import_library('transformers', 'HuggingFaceTeacher')
        model, loading = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, **options
        )
        # the pooler is not used
        lacks = sorted(key for key in loading['missing_keys'] if 'pooler' not in key)
        if lacks or loading['mismatched_keys']:
            raise UserError(
                f'model.teacher.folder: {folder} lacks weights of {type(model).__name__} '
                f'({len(lacks)} missing, {len(loading["mismatched_keys"])} misshaped); give the '
                'whole model'
            )
        # a folder may hold 16-bit weights; mixed precision is up to the training
        self.model = getattr(model, 'vision_model', model).float()
        about = self.model.config
        size = getattr(about, 'image_size', None)
        self.input_size = size if isinstance(size, int | None) else size[0]
        self.native_size = self.input_size
        self.normalisation = _normalisation(osp.join(folder, 'preprocessor_config.json'))
        names = (name.rpartition('.')[2] for name, _ in self.model.named_parameters())
        has_class = any(name in CLASS_TOKENS for name in names)
        self.extra_tokens = has_class + getattr(about, 'num_register_tokens', 0) * has_class
        self.interpolates = (
            'interpolate_pos_encoding' in inspect.signature(self.model.forward).parameters
        )

    def forward(self, images: Tensor) -> Features:
        """The features of the last hidden state, (N, L, D) or (N, C, H, W)."""
        foreign = self.interpolates and images.size(3) != self.native_size
        options = dict(interpolate_pos_encoding=True) if foreign else {}
        state = self.model(images, **options).last_hidden_state
        if state.dim() == 4:
            return Features(state.mean((2, 3)), (state,))
        return self.from_tokens(state, self.extra_tokens)


def _normalisation(file: str) -> Normalisation | None:
    """Read the normalisation of a folder's images; None if it does not tell."""
    if not osp.isfile(file):
        return None
    with open(file) as stream:
        about = json.load(stream)
    if not about.get('image_mean') or not about.get('image_std'):
        return None
    return Normalisation.of_unit_range(about['image_mean'], about['image_std'])
