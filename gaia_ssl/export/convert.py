"""Convert checkpoints from and to the layouts of other projects."""

import os
import os.path as osp
import re
import shutil
from collections.abc import Mapping

from mmengine.config import Config
from torch import Tensor

from gaia_ssl.downstream.subnet import WEIGHTS_FILE, read_folder
from gaia_ssl.models.supernet import BACKBONE_PREFIX, build_supernet
from gaia_ssl.utils.checkpoint import save_checkpoint, write_checkpoint
from gaia_ssl.utils.files import file_digest
from gaia_ssl.utils.weights import check_weights, read_weights

from .output_folder import new_folder

# names of a method's parts in GAIA-ssl (36b8b55 to f552884), as regular expressions
RELEASED = (
    (r'^(?:encoder_q|online_net)\.0\.', 'backbone.'),
    (r'^(?:encoder_q|online_net)\.1\.', 'neck.'),
    (r'^(encoder_k|target_net)\.', r'\1.module.'),
)
# layers of its necks with a batch norm, and their names in mmpretrain's NonLinearNeck
RELEASED_NECK = {'mlp.0.': 'fc0.', 'mlp.1.': 'bn0.', 'mlp.3.': 'fc1.'}


def subnet_to_mmpretrain(folder: str, out: str) -> None:
    """Write an extracted subnet in mmpretrain's layout, whose keys start with ``backbone.``.

    Args:
        folder: The extracted folder.
        out: The checkpoint to write; it holds the subnet's ``meta`` as well.

    Raises:
        UserError: If the folder was not written by extraction.
    """
    subnet = read_folder(folder)
    weights = {f'{BACKBONE_PREFIX}{key}': value for key, value in subnet['state_dict'].items()}
    save_checkpoint(dict(state_dict=weights, meta=subnet['meta']), out)


def mmpretrain_to_subnet(checkpoint: str, like: str, out: str, overwrite: bool = False) -> None:
    """Write the backbone of a checkpoint, e.g. of a finetuning, as an extracted folder.

    Args:
        checkpoint: A checkpoint whose keys start with ``backbone.``; others are left out.
        like: An extracted folder of the same arch, from which all but the weights is copied.
        out: The folder to write.
        overwrite: Replace a folder that was extracted before. Defaults to False.

    Raises:
        UserError: If ``like`` was not written by extraction, or the checkpoint is of another arch.
    """
    subnet = read_folder(like)
    weights = read_weights(checkpoint, BACKBONE_PREFIX)
    check_weights(
        subnet['state_dict'],
        weights,
        f'checkpoint: {checkpoint} has another backbone than {like}',
        'name an extracted folder of the same arch',
    )
    source = dict(checkpoint=checkpoint, checkpoint_sha256=file_digest(osp.expanduser(checkpoint)))
    meta = dict(subnet['meta'], source=source, calibration=None, formats=[], pooled=False)
    with new_folder(out, overwrite) as draft:
        write_checkpoint(dict(state_dict=weights, meta=meta), osp.join(draft, WEIGHTS_FILE))
        for name in os.listdir(like):
            if name.endswith(('.py', '.json')):
                shutil.copy(osp.join(like, name), draft)


def released_to_supernet(config: Config, checkpoint: str, out: str) -> None:
    """Convert a supernet that was trained with the released GAIA-ssl.

    Args:
        config: Training config of this package, of the same method and space.
        checkpoint: The released checkpoint.
        out: The checkpoint to write: tools/search.py and tools/extract.py take it with ``config``.

    Raises:
        UserError: If the checkpoint's weights are not those of the config's model.
    """
    own = build_supernet(config).state_dict()
    weights = rename_released(read_weights(checkpoint))
    # GAIA-ssl did not count the updates of its momentum encoder
    weights |= {key: own[key] for key in own.keys() - weights.keys() if key.endswith('.steps')}
    check_weights(
        own,
        weights,
        f'checkpoint: {checkpoint} is of another method or space than {config.filename}',
        'give a config of the same method and space',
    )
    save_checkpoint(dict(state_dict=weights, meta=dict(converted_from=checkpoint)), out)


def rename_released(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a released GAIA-ssl checkpoint as this package names them.

    Backbones have torchvision's names in both. The released methods keep the trained encoder and
    its moving average as sequences of a backbone (0) and a neck (1), and the trained backbone a
    second time as ``backbone``.
    """
    renamed = {}
    for key, value in weights.items():
        for pattern, name in RELEASED:
            key = re.sub(pattern, name, key)
        renamed[key] = value
    normed = [key.removesuffix('mlp.3.weight') for key in renamed if key.endswith('mlp.3.weight')]
    for neck in normed:
        for old, new in RELEASED_NECK.items():
            keys = [key for key in renamed if key.startswith(neck + old)]
            renamed |= {neck + new + k.removeprefix(neck + old): renamed.pop(k) for k in keys}
    return renamed
