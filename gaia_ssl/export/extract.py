"""Extract subnets of a trained supernet into folders."""

import json
import os
import os.path as osp
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import mmengine
import torch
from mmengine.config import Config

from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.downstream import Subnet
from gaia_ssl.downstream.subnet import WEIGHTS_FILE, Normalisation
from gaia_ssl.models.layers import batch_norms
from gaia_ssl.models.supernet import load_supernet_backbone
from gaia_ssl.space import Arch, count_cost
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint, write_checkpoint
from gaia_ssl.utils.files import atomic_write, data_digest, file_digest
from gaia_ssl.version import __version__

from .calibrate import (
    CALIBRATION_IMAGES,
    NOTHING_TO_CALIBRATE,
    CalibrationImages,
    calibrate,
)
from .choices import Choice, check_choice
from .configs import config_texts
from .deployed import DeployedSubnet
from .formats import check_formats, export
from .output_folder import check_replaceable, new_folder
from .standard import torchvision_name


def extract(
    config: Config,
    checkpoint: str,
    choice: Choice,
    out: str,
    calibrate_on: str | Literal[True] | None = None,
    calibrate_num: int = CALIBRATION_IMAGES,
    input_size: int | None = None,
    overwrite: bool = False,
    formats: Sequence[str] = (),
    pooled: bool = False,
    weights: str = 'online',
) -> dict[str, Any]:
    """Write a subnet as a folder: ``backbone.pth``, ``arch.json`` and configs that use them.

    Args:
        config: The pretraining config.
        checkpoint: Path of a checkpoint of that training.
        choice: The arch, see ``choose_arch`` and ``choose_from_search``.
        out: The folder; it appears when it is complete.
        calibrate_on: Folder of unlabeled images to measure batch-norm statistics on; True for the
            views that the config trains on. Defaults to keeping the supernet's statistics, which
            mix those of all subnets. Networks without batch norms are not calibrated.
        calibrate_num: Maximal number of the images. Defaults to 2048.
        input_size: Side of the images in pixels, for calibration and for counting multiply-adds.
            Defaults to the search's, then the config's, then 224.
        overwrite: Replace a folder that was extracted before. Defaults to False.
        formats: Formats of other runtimes to write as well, see ``FORMATS``. Defaults to none.
        pooled: Let these files return the last stage averaged over positions, not a map per stage.
            Defaults to False.
        weights: ``'online'``, or ``'ema'`` to cut the subnet out of the momentum teacher. Defaults
            to ``'online'``.

    Returns:
        The ``meta`` of ``backbone.pth``.

    Raises:
        UserError: If an argument is wrong; nothing is written then.

    Example:
        >>> config = Config.fromfile('configs/mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k.py')
        >>> choice = choose_from_search('work_dirs/search_coco')
        >>> meta = extract(config, 'epoch_200.pth', choice, 'work_dirs/subnet_coco')
    """
    source = _Source(
        config,
        checkpoint,
        [choice],
        calibrate_on,
        calibrate_num,
        input_size,
        formats,
        pooled,
        weights,
    )
    meta = source.plan(choice)
    with new_folder(out, overwrite) as draft:
        source.write(meta, draft)
    return meta


def extract_all(
    config: Config,
    checkpoint: str,
    choices: Mapping[str, Choice] | None,
    out: str,
    overwrite: bool = False,
    **options: Any,
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Write several subnets, each as ``extract`` does, into folders inside one folder.

    A call after an interrupted one keeps the folders that are complete.

    Args:
        config: The pretraining config.
        checkpoint: Path of a checkpoint of that training; it is loaded once.
        choices: The archs by the names of their folders, see ``choose_top`` and
            ``choose_pareto``; None for all anchors of the space.
        out: The folder that holds the folders.
        overwrite: Replace folders that were extracted before. Defaults to keeping them.
        **options: ``extract``'s ``calibrate_on``, ``calibrate_num``, ``input_size``, ``formats``,
            ``pooled``, ``weights``.

    Yields:
        Each folder once it is complete, the ``meta`` of its ``backbone.pth``, and whether it was
        there already.

    Raises:
        UserError: Before anything is written, if an argument is wrong, or a folder holds anything
            but the same subnet and must not be replaced.
    """
    if choices is not None and not choices:
        raise UserError('choices: no arch is given; give one or more, or None for all anchors')
    source = _Source(config, checkpoint, list((choices or {}).values()), **options)
    if choices is None:
        choices = {name: Choice(name) for name in source.supernet.space.anchors}
    plans = {osp.join(out, name): source.plan(choice) for name, choice in choices.items()}
    missing = [path for path, meta in plans.items() if overwrite or not _is_complete(path, meta)]
    for folder in missing:
        check_replaceable(folder, overwrite)
    for folder, meta in plans.items():
        if folder in missing:
            with new_folder(folder, overwrite) as draft:
                source.write(meta, draft)
        yield folder, meta, folder not in missing


class _Source:
    """A trained supernet with the settings of an extraction; the arguments are ``extract``'s."""

    def __init__(
        self,
        config: Config,
        checkpoint: str,
        choices: Sequence[Choice],
        calibrate_on: str | Literal[True] | None = None,
        calibrate_num: int = CALIBRATION_IMAGES,
        input_size: int | None = None,
        formats: Sequence[str] = (),
        pooled: bool = False,
        weights: str = 'online',
    ) -> None:
        self.formats, self.pooled = list(formats), pooled
        check_formats(self.formats)
        if pooled and not self.formats:
            raise UserError('pooled: it is a setting of other formats; give formats')
        sizes = (input_size, *(choice.input_size for choice in choices))
        given = next((size for size in sizes if size is not None), None)
        self.size = SearchDefaults.of(config, given).input_size
        if self.size < 1:
            raise UserError(f'input_size: {self.size} is not a size in pixels')
        self.supernet = load_supernet_backbone(config, checkpoint, weights)
        self.images, self.calibration = None, None
        if not batch_norms(self.supernet):
            self.calibration = NOTHING_TO_CALIBRATE
        elif calibrate_on is not None:
            folder = None if calibrate_on is True else calibrate_on
            self.images = CalibrationImages(config, folder, self.size, calibrate_num)
            self.calibration = self.images.describe()
        self.normalisation = Normalisation.of(config)
        self.description = dict(
            config=config.filename,
            model_sha256=data_digest(config.model),
            checkpoint=os.fspath(checkpoint),
            checkpoint_sha256=file_digest(osp.expanduser(checkpoint)),
            weights=weights,
        )

    def plan(self, choice: Choice) -> dict[str, Any]:
        """The ``meta`` of a subnet, all of which is known before extraction."""
        space = self.supernet.space
        subnet = self._subnet(check_choice(space, choice))
        cost = count_cost(space, subnet.arch, self.size)
        meta = dict(
            arch=subnet.arch,
            type=subnet.type,
            family=vars(subnet.family),
            torchvision=torchvision_name(subnet.family, subnet.arch),
            space=space.to_dict(),
            flops=cost.flops,
            params=cost.params,
            input_size=self.size,
            stages=[dict(channels=s.channels, stride=s.stride) for s in subnet.shapes],
            normalisation=vars(subnet.normalisation),
            source=self.description,
            search=choice.origin or None,
            calibration=self.calibration,
            formats=self.formats,
            pooled=self.pooled,
            versions=dict(
                gaia_ssl=__version__, torch=str(torch.__version__), mmengine=mmengine.__version__
            ),
        )
        return json.loads(json.dumps(meta))  # plain types, which torch.load reads as safe data

    def write(self, meta: dict[str, Any], folder: str) -> None:
        """Extract a planned subnet and write it to a folder."""
        subnet, backbone = self._subnet(meta['arch']), self.supernet.extract(meta['arch'])
        if self.images:
            calibrate(backbone, self.images)
        weights = dict(backbone.state_dict())
        write_checkpoint(dict(state_dict=weights, meta=meta), osp.join(folder, WEIGHTS_FILE))
        texts = {
            'arch.json': json.dumps(meta['arch']) + '\n',
            **config_texts(subnet),
        }
        for name, text in texts.items():
            with atomic_write(osp.join(folder, name)) as file:
                file.write(text)
        deployed = DeployedSubnet(backbone, subnet.normalisation, self.pooled)
        export(deployed, self.formats, folder)

    def _subnet(self, arch: Arch) -> Subnet:
        kind = self.supernet.subnet_type.__name__
        return Subnet(kind, arch, self.supernet.space.family, self.normalisation)


def _is_complete(folder: str, meta: dict[str, Any]) -> bool:
    """Check if a folder holds this subnet; raise ``UserError`` if it holds another."""
    path = osp.join(osp.expanduser(folder), WEIGHTS_FILE)
    if not osp.isfile(path):
        return False
    content = load_checkpoint(path, mmap=True)
    there = content.get('meta', {}) if isinstance(content, dict) else {}
    # the versions of the packages do not change the subnet
    other = [key for key in meta if key != 'versions' and there.get(key) != meta[key]]
    if other:
        raise UserError(
            f'out: {folder} holds another subnet (its {other[0]} differs); choose another or '
            'set overwrite'
        )
    return True
