"""``Subnet``: the values that a downstream config needs of an extracted folder."""

import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from mmengine.config import Config

from gaia_ssl.space import Arch, Family, SearchSpace, Shape
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.preprocessor import preprocessor_options

from .pyramid import pyramid_stages

WEIGHTS_FILE = 'backbone.pth'  # the file that identifies an extracted folder
SYNC_BN = dict(type='SyncBN', requires_grad=True)
"""The config of a trained, synchronised batch norm."""


def read_folder(folder: str) -> dict[str, Any]:
    """Read the ``backbone.pth`` of an extracted folder.

    Raises:
        UserError: If the folder was not written by extraction, or the file is damaged.
    """
    path = osp.join(osp.expanduser(folder), WEIGHTS_FILE)
    if not osp.isfile(path):
        raise UserError(
            f'subnet: {folder} holds no {WEIGHTS_FILE}; name a folder that tools/extract.py wrote'
        )
    return load_checkpoint(path, mmap=True)


@dataclass(frozen=True)
class Normalisation:
    """The pretraining's normalisation of images.

    Args:
        mean: Per channel, on the scale 0 to 255; None if images were not normalised.
        std: Likewise.
        to_rgb: Whether images were turned from BGR, as OpenCV loads them, to RGB.
    """

    mean: list[float] | None
    std: list[float] | None
    to_rgb: bool

    @classmethod
    def of(cls, config: Config) -> 'Normalisation':
        """Read it from a pretraining config."""
        options = preprocessor_options(config)
        mean, std = options.get('mean'), options.get('std')
        return cls(
            mean=None if mean is None else list(mean),
            std=None if std is None else list(std),
            to_rgb=bool(options.get('to_rgb', options.get('bgr_to_rgb', False))),
        )


@dataclass(frozen=True)
class Subnet:
    """A subnet's type, arch and normalisation, and every size that follows from them.

    Args:
        type: Registered name of its backbone, e.g. ``'SubnetResNet'``.
        arch: Its arch.
        family: The family with the options that all archs of the space share.
        normalisation: The pretraining's normalisation of images.
        checkpoint: Path of its weights. Defaults to the file in the folder of the written config.
        input_size: Side of the images that it was extracted for, in pixels. Defaults to 224.

    Example:
        >>> subnet = Subnet.load('work_dirs/subnet_r50')
        >>> subnet.channels, subnet.strides
        ([256, 512, 1024, 2048], [4, 8, 16, 32])
        >>> neck = dict(in_channels=subnet.channels)
    """

    type: str
    arch: Arch
    family: Family
    normalisation: Normalisation
    checkpoint: str = '{{ fileDirname }}/' + WEIGHTS_FILE
    input_size: int = 224

    @classmethod
    def load(cls, folder: str) -> 'Subnet':
        """The subnet of a folder that ``tools/extract.py`` wrote.

        Inside ``standing_in`` it is the subnet given there.

        Raises:
            UserError: If the folder was not written by extraction, or its checkpoint is damaged.
        """
        if (substitute := _SUBSTITUTE.get()) is not None:
            return substitute
        content = read_folder(folder)
        path = osp.join(osp.expanduser(folder), WEIGHTS_FILE)
        try:
            meta = content['meta']
            return cls(
                type=meta['type'],
                arch=meta['arch'],
                family=SearchSpace.from_dict(meta['space']).family,
                normalisation=Normalisation(**meta['normalisation']),
                checkpoint=path,
                input_size=meta['input_size'],
            )
        except (KeyError, TypeError) as error:
            raise UserError(
                f'subnet: {path} was not written by tools/extract.py; name a folder that was'
            ) from error

    @property
    def shapes(self) -> list[Shape]:
        """The shape of each stage's output."""
        return self.family.output_shapes(self.arch)

    @property
    def pyramid(self) -> dict[int, Shape]:
        """The stages that a feature pyramid is built on, finest first, and their shapes."""
        shapes = self.shapes
        return {stage: shapes[stage] for stage in pyramid_stages(shapes)}

    @property
    def channels(self) -> list[int]:
        """Channels of the pyramid's stages."""
        return [shape.channels for shape in self.pyramid.values()]

    @property
    def strides(self) -> list[int]:
        """Strides of the pyramid's stages in pixels."""
        return [shape.stride for shape in self.pyramid.values()]

    def fpn_strides(self, start: int = 0, extra: int = 1) -> list[int]:
        """Strides of the levels of an FPN.

        Args:
            start: The first of the pyramid's stages that has a level. Defaults to 0.
            extra: Levels after the last stage, each twice as coarse as the one before. Defaults
                to 1.
        """
        strides = self.strides
        return strides[start:] + [strides[-1] << level for level in range(1, extra + 1)]

    def family_options(self, **changes: Any) -> dict[str, Any]:
        """The family's options that differ from its defaults, after some changes."""
        options = {**vars(self.family), **changes}
        return {
            f.name: options[f.name] for f in fields(self.family) if options[f.name] != f.default
        }

    def backbone(
        self,
        out_indices: tuple[int, ...] | None = None,
        frozen_stages: int = -1,
        sync_norms: bool = True,
        **family_changes: Any,
    ) -> dict[str, Any]:
        """The backbone's config, which replaces an inherited one, with its weights.

        By default every layer trains and batch norms synchronise their statistics, as in
        mmpretrain's detection benchmarks of backbones that were learned without labels.

        Args:
            out_indices: Stages whose outputs are returned. Defaults to the pyramid's.
            frozen_stages: Last stage that does not train, as in ``SubnetBackbone``. Defaults to -1,
                no stage.
            sync_norms: Synchronise the statistics of batch norms. Defaults to True.
            **family_changes: Options of the family that differ from pretraining's, such as
                ``**subnet.family.dilated(8)``.
        """
        return dict(
            _delete_=True,
            type=f'gaia_ssl.{self.type}',
            arch=self.arch,
            **self.family_options(**family_changes),
            out_indices=tuple(self.pyramid) if out_indices is None else out_indices,
            frozen_stages=frozen_stages,
            **self._norm_options(sync_norms),
            init_cfg=dict(type='Pretrained', checkpoint=self.checkpoint),
        )

    def _norm_options(self, sync_norms: bool) -> dict[str, Any]:
        """The arguments of the backbone about norms; only batch norms have statistics."""
        if not self.family.has_batch_norms:
            return dict(norm_cfg=dict(self.family.norm))
        return dict(norm_eval=False, norm_cfg=SYNC_BN if sync_norms else dict(type='BN'))

    def c4_parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The configs of a C4 detector's backbone and shared head.

        The backbone ends before the pyramid's last stage, which is the shared head. Each config
        replaces an inherited one.
        """
        whole = self.backbone()
        del whole['_delete_']
        options = dict(_delete_=True, subnet=whole, stages=tuple(self.pyramid)[-2] + 1)
        return (
            dict(type='gaia_ssl.SubnetTrunk', **options),
            dict(type='gaia_ssl.SubnetSharedHead', **options),
        )

    def preprocessing(self, channel_order: str = 'bgr_to_rgb') -> dict[str, Any]:
        """The pretraining's normalisation as options of a project's data preprocessor.

        Args:
            channel_order: Name of the option that turns BGR into RGB. Defaults to mmdet's and
                mmseg's.
        """
        norm = self.normalisation
        return {'mean': norm.mean, 'std': norm.std, channel_order: norm.to_rgb}


_SUBSTITUTE: ContextVar[Subnet | None] = ContextVar('_SUBSTITUTE', default=None)


@contextmanager
def standing_in(subnet: Subnet) -> Iterator[None]:
    """Make ``Subnet.load`` return a subnet that has no folder yet, whatever the folder asked for.

    A config that loads its subnet is thereby evaluated for one that is being extracted.

    Args:
        subnet: The subnet.
    """
    token = _SUBSTITUTE.set(subnet)
    try:
        yield
    finally:
        _SUBSTITUTE.reset(token)
