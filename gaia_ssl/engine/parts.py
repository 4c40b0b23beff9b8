"""Check with a trial pass that a downstream model's backbone, neck and heads fit."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.errors import is_bug, reason

SIDE = 64
"""Side of the image that is passed through the parts, in pixels."""
# others pass more to their parts than features
_ROI_HEADS = ('StandardRoIHead', 'CascadeRoIHead')


@torch.no_grad()
def try_parts(model: Any) -> None:
    """Pass an empty image through backbone, neck and heads, in eval mode.

    Heads that take anything but features, such as DETR's, are left out. The model stays as it is.

    Args:
        model: A classifier, detector or segmentor of OpenMMLab; another is not tried.

    Raises:
        UserError: If a part does not fit the features that it gets.
    """
    if not isinstance(getattr(model, 'backbone', None), nn.Module):
        return
    modes = {module: module.training for module in model.modules()}
    model.eval()
    image = torch.zeros(1, 3, SIDE, SIDE, device=next(model.parameters()).device)
    try:
        with building('model.backbone'):
            features = model.backbone(image)
        if neck := getattr(model, 'neck', None):
            features = _apply(neck, 'neck', features)
        for name, head in _heads(model).items():
            _apply(head, name, features)
        roi_head = getattr(model, 'roi_head', None)
        if type(roi_head).__name__ in _ROI_HEADS:
            _try_regions(roi_head, features)
    finally:
        for module, training in modes.items():
            module.training = training


def _apply(part: nn.Module, name: str, features: Any) -> Any:
    try:
        return part(features)
    except UserError:
        raise
    except Exception as error:  # other packages fail in any way
        if is_bug(error):
            raise
        raise UserError(
            f'model.{name}: does not fit the features that it gets, of '
            f'{_channels(features)} channels ({reason(error)}); set its in_channels, or '
            'model.backbone.out_indices'
        ) from error


def _channels(features: Tensor | Sequence[Tensor]) -> str:
    levels = [features] if isinstance(features, Tensor) else features
    return ', '.join(str(level.shape[1]) for level in levels)


def _heads(model: nn.Module) -> dict[str, nn.Module]:
    """The heads of a model that take features, by their names."""
    kinds = {cls.__name__ for cls in type(model).__mro__}
    names = ['rpn_head', 'decode_head', 'auxiliary_head']
    names += ['bbox_head'] if 'SingleStageDetector' in kinds else []
    names += ['head'] if 'ImageClassifier' in kinds else []
    parts = {name: getattr(model, name, None) for name in names}
    heads = {}
    for name, part in parts.items():
        if isinstance(part, nn.ModuleList):
            # a later decode head also takes what the one before gives
            each = part[:1] if name == 'decode_head' else part
            heads.update({f'{name}.{index}': head for index, head in enumerate(each)})
        elif isinstance(part, nn.Module):
            heads[name] = part
    return heads


def _try_regions(roi_head: Any, features: Sequence[Tensor]) -> None:
    """Pass one region through the heads of regions of interest."""
    region = torch.tensor([[0, 0, 0, SIDE / 2, SIDE / 2]], device=features[0].device)
    shared = getattr(roi_head, 'shared_head', None) or nn.Identity()
    for kind in ('bbox', 'mask'):
        extractors = _listed(getattr(roi_head, f'{kind}_roi_extractor', None))
        heads = _listed(getattr(roi_head, f'{kind}_head', None))
        for extractor, head in zip(extractors, heads, strict=False):
            with building(f'model.roi_head.{kind}_roi_extractor'):
                inside = shared(extractor(features[: extractor.num_inputs], region))
            _apply(head, f'roi_head.{kind}_head', inside)


def _listed(part: Any) -> Sequence[Any]:
    if part is None:
        return []
    return list(part) if isinstance(part, nn.ModuleList) else [part]
