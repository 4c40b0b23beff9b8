"""What the configs share: the backbone, its weights, its normalisation."""

import textwrap
from functools import partial
from typing import Any

from ..folder import MARK
from ..subnet import Subnet

SYNC_BN = dict(type='SyncBN', requires_grad=True)
CUSTOM_IMPORTS = dict(imports=['gaia_ssl'], allow_failed_imports=False)


def backbone(
    subnet: Subnet,
    out_indices: tuple[int, ...],
    frozen_stages: int = -1,
    norm_cfg: dict[str, Any] | None = None,
    **family_changes,
) -> dict[str, Any]:
    """The backbone in place of an inherited one, its weights beside the config.

    Every layer trains, batch norms with synchronised statistics of their own: what is learned
    without labels needs it, as in mmpretrain's detection benchmarks of such backbones.
    """
    return dict(
        _delete_=True,
        type=f'gaia_ssl.{subnet.type}',
        arch=subnet.arch,
        **subnet.family_options(**family_changes),
        out_indices=out_indices,
        frozen_stages=frozen_stages,
        norm_eval=False,
        norm_cfg=norm_cfg or SYNC_BN,
        init_cfg=dict(type='Pretrained', checkpoint='{{ fileDirname }}/' + MARK),
    )


def preprocessing(subnet: Subnet, channel_order: str = 'bgr_to_rgb') -> dict[str, Any]:
    """The pretraining's normalisation, in the words of a project's data preprocessor."""
    norm = subnet.normalisation
    return {'mean': norm.mean, 'std': norm.std, channel_order: norm.to_rgb}


def about(title: str, project: str, data: str, options: str) -> str:
    """A config's docstring: what it is and how it is run.

    Args:
        title: What the config does, in sentences.
        project: The package whose train script runs it.
        data: Where the inherited config looks for data.
        options: The options of ``--cfg-options`` that point it elsewhere.
    """
    usage = (
        f"Run it with {project}'s own train script, for instance ``mim train {project} FILE``. "
        f'It reads {data}; --cfg-options {options} name another place. The weights are {MARK} '
        'beside this file, which finds them wherever the folder is.'
    )
    wrap = partial(textwrap.fill, width=96, break_long_words=False, break_on_hyphens=False)
    return f'{wrap(title)}\n\n{wrap(usage)}'
