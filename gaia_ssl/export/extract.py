"""Extraction: from a pretraining's config and checkpoint and an arch to a folder."""

import hashlib
import json
import os.path as osp
from typing import Any

import mmengine
import torch
from mmengine.config import Config

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.space import Arch, count_cost
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import file_digest
from gaia_ssl.version import __version__

from .calibrate import CalibrationImages, calibrate
from .configs import config_texts
from .folder import MARK, new_folder
from .source import Choice, check_choice, load_supernet_backbone
from .subnet import Normalisation, Subnet


def extract(
    config: Config,
    checkpoint: str,
    choice: Choice,
    out: str,
    calibrate_on: str | None = None,
    calibrate_num: int = 2048,
    input_size: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a subnet as a folder: ``backbone.pth``, ``arch.json`` and configs that use them.

    Args:
        config: The pretraining config.
        checkpoint: Path of a checkpoint of that training.
        choice: The arch, see ``choose_arch`` and ``choose_from_search``.
        out: The folder; it appears when it is complete.
        calibrate_on: Folder of unlabeled images to measure batch-norm statistics on. Without it
            they are the supernet's, which belong to no subnet.
        calibrate_num: How many of the images to use, at most. Defaults to 2048.
        input_size: Side of the images in pixels, for calibration and for counting multiply-adds.
            Defaults to the search's, then the config's, then 224.
        overwrite: Replace a folder that was extracted before. Defaults to False.

    Returns:
        The ``meta`` of ``backbone.pth``.

    Raises:
        UserError: If any of it is wrong; nothing is written then.
    """
    sizes = (input_size, choice.input_size, config.get('search', {}).get('input_size'), 224)
    size = next(size for size in sizes if size is not None)
    if size < 1:
        raise UserError(f'--input-size: {size} is not a size in pixels')
    with new_folder(out, overwrite) as draft:
        images = calibrate_on and CalibrationImages(config, calibrate_on, size, calibrate_num)
        supernet = load_supernet_backbone(config, checkpoint)
        arch = check_choice(supernet.space, choice)
        backbone = supernet.extract(arch)
        subnet = Subnet(
            type(backbone).__name__, arch, supernet.space.family, Normalisation.of(config)
        )
        meta = dict(
            **_facts(supernet, subnet, size),
            source=_source(config, checkpoint),
            search=choice.origin or None,
            calibration=calibrate(backbone, images) if images else None,
            versions=dict(
                gaia_ssl=__version__, torch=str(torch.__version__), mmengine=mmengine.__version__
            ),
        )
        _write(draft, backbone.state_dict(), meta, config_texts(subnet))
    return meta


def _facts(supernet: DynamicBackbone, subnet: Subnet, size: int) -> dict[str, Any]:
    cost = count_cost(supernet.space, subnet.arch, size)
    return dict(
        arch=subnet.arch,
        type=subnet.type,
        family=_plain(vars(subnet.family)),
        space=supernet.space.to_dict(),
        flops=cost.flops,
        params=cost.params,
        input_size=size,
        stages=[shape._asdict() for shape in subnet.shapes],
        normalisation=vars(subnet.normalisation),
    )


def _source(config: Config, checkpoint: str) -> dict[str, Any]:
    model = json.dumps(config.model.to_dict(), sort_keys=True, default=str)
    return dict(
        config=config.filename,
        model_sha256=hashlib.sha256(model.encode()).hexdigest(),
        checkpoint=checkpoint,
        checkpoint_sha256=file_digest(osp.expanduser(checkpoint)),
    )


def _write(folder: str, weights: dict, meta: dict[str, Any], configs: dict[str, str]) -> None:
    # plain types only, so that the file loads without trust in it
    torch.save(dict(state_dict=dict(weights), meta=_plain(meta)), osp.join(folder, MARK))
    texts = {'arch.json': _arch_text(meta['arch']), **configs}
    for name, text in texts.items():
        with open(osp.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(text)


def _arch_text(arch: Arch) -> str:
    return json.dumps(arch) + '\n'


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data))
