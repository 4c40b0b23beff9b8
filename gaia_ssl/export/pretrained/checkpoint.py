"""Find the state dict in a checkpoint of another project."""

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint

# keys of the state dict in a checkpoint: timm's and torchvision's moving averages first, which
# those projects evaluate; MMEngine's EMAHook keeps its average in 'state_dict'
CONTAINERS = ('state_dict_ema', 'model_ema', 'state_dict', 'model')


def read_state_dict(checkpoint: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the weights of a checkpoint, the moving average's where it has one, and its ``meta``.

    Raises:
        UserError: If the file cannot be read, or holds no tensors.
    """
    content = load_checkpoint(checkpoint)
    meta = content.get('meta') if isinstance(content, Mapping) else None
    for key in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    found = content.items() if isinstance(content, Mapping) else ()
    weights = {str(key): value for key, value in found if isinstance(value, Tensor)}
    if not weights:
        raise UserError(f'checkpoint: {checkpoint} holds no weights; give a state dict')
    return weights, dict(meta) if isinstance(meta, Mapping) else {}


def strip_prefix(
    weights: Mapping[str, Tensor], markers: Collection[str], prefix: str | None, checkpoint: str
) -> tuple[str, dict[str, Tensor]]:
    """Find the backbone in a model by a layer that it has.

    Args:
        weights: The state dict of a model.
        markers: The names of a weight that tell layouts apart, without a prefix.
        prefix: Prefix of the backbone's keys. None looks for the shortest one.
        checkpoint: Path of the file, for messages.

    Returns:
        The marker that was found, and the weights under its prefix, without that prefix.

    Raises:
        UserError: If there is no such network, or there are several under prefixes of one length.
    """
    if prefix:
        prefix = prefix.removesuffix('.') + '.'
    found = []
    for key in weights:
        for marker in markers:
            start = key.removesuffix(marker)
            whole = not start or start.endswith('.')  # names are not cut in the middle
            if start != key and whole and prefix in (None, start):
                found.append((start, marker))
    if not found:
        under = '' if prefix is None else f' under {prefix!r}'
        raise UserError(
            f'checkpoint: {checkpoint} holds no ResNet, ResNeXt or MobileNetV2{under}: none of '
            f'{", ".join(markers)}; give weights of torchvision, timm, mmpretrain or mmdet'
        )
    shortest = min(len(start) for start, _ in found)
    best = [(start, marker) for start, marker in found if len(start) == shortest]
    if len(best) > 1:
        starts = ', '.join(sorted(start for start, _ in best))
        raise UserError(f'prefix: {checkpoint} holds several networks ({starts}); give one of them')
    [(start, marker)] = best
    return marker, {k.removeprefix(start): w for k, w in weights.items() if k.startswith(start)}
