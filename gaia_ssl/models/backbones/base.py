"""Backbones as folds over the steps of a path: the supernet's and the subnet's side."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gaia_ssl.models.layers import part_of
from gaia_ssl.space import Arch, Family, Path, SearchSpace, Step, get_space
from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.weights import describe, differences

from .builders import Layers, NormCfg, dynamic_layers, static_layers

INIT_CFG = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'DynamicBatchNorm2d', 'GroupNorm']),
]


class PathBackbone(BaseModule):
    """Runs the steps of its active path one after the other.

    A family says how its stem and its blocks are built and run. The stem's step is named
    ``stem``; a block's step is named as the submodule that it is, ``layer{stage + 1}.{index}``.

    Args:
        space: The space whose largest arch it holds the layers of.
        layers: What builds them.
        out_indices: Stages whose outputs are returned. Defaults to the last.
        frozen_stages: Stages up to this one do not train: -1 none, 0 the stem, 1 the first
            stage as well, and so on. Defaults to -1.
        norm_eval: Keep batch norms in eval mode while training. Defaults to False.
        with_cp: Recompute the steps in the backward pass to save memory. Defaults to False.
        init_cfg: Initialisation, MMEngine style. Defaults to Kaiming convolutions.
    """

    family_type: ClassVar[type[Family]]

    def __init__(
        self,
        space: SearchSpace,
        layers: Layers,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or INIT_CFG)
        path = space.path(space.max)
        stages = len(path.stages)
        if out_indices is None:
            out_indices = (stages - 1,)
        if not out_indices or not all(0 <= i < stages for i in out_indices):
            raise UserError(f'out_indices: {out_indices} are not among the stages 0..{stages - 1}')
        if not -1 <= frozen_stages <= stages:
            raise UserError(f'frozen_stages: {frozen_stages} is not in -1..{stages}')
        self.arch = space.max
        self._path = path
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self._add_layers(space.family, layers)
        self.freeze_stages()

    def _add_layers(self, family: Family, layers: Layers) -> None:
        """Add the layers that the active path uses."""
        [stem] = self._path.stem
        self.add_stem(stem, family, layers)
        channels = stem.out_channels
        for stage, steps in enumerate(self._path.stages):
            blocks = nn.Sequential()
            for step in steps:
                blocks.append(self.build_block(step, channels, family, layers))
                channels = step.out_channels
            self.add_module(f'layer{stage + 1}', blocks)

    @property
    def active_path(self) -> Path:
        """The steps that ``forward`` runs."""
        return self._path

    @abstractmethod
    def add_stem(self, step: Step, family: Family, layers: Layers) -> None:
        """Add the layers of the stem, sized by its step."""

    @abstractmethod
    def stem_modules(self) -> Iterable[nn.Module]:
        """The modules of the stem."""

    @abstractmethod
    def run_stem(self, step: Step, x: Tensor) -> Tensor:
        """Compute the stem."""

    @abstractmethod
    def build_block(
        self, step: Step, in_channels: int, family: Family, layers: Layers
    ) -> nn.Module:
        """The block of a step, called as ``block(step, x)``.

        Args:
            step: The step at its largest; sizes the weights.
            in_channels: Channels of the block's (largest) input.
            family: The options that all archs share.
            layers: What builds its layers.
        """

    def stage_modules(self, stage: int) -> Iterable[nn.Module]:
        """The modules of the stem (-1) or of a stage."""
        return self.stem_modules() if stage < 0 else (getattr(self, f'layer{stage + 1}'),)

    def apply_step(self, step: Step, x: Tensor) -> Tensor:
        """Compute one step."""
        if step.name == 'stem':
            return self.run_stem(step, x)
        return self.get_submodule(step.name)(step, x)

    def run(self, step: Step, x: Tensor) -> Tensor:
        """Run one step: (N, C_in, H, W) -> (N, step.out_channels, H', W')."""
        if self.with_cp and x.requires_grad:
            return checkpoint(self.apply_step, step, x, use_reentrant=False)
        return self.apply_step(step, x)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Run the active path.

        Args:
            x: Images of shape (N, C, H, W).

        Returns:
            One feature map of shape (N, C_i, H_i, W_i) per entry of ``out_indices``.
        """
        for step in self._path.stem:
            x = self.run(step, x)
        outs = []
        for stage, steps in enumerate(self._path.stages):
            for step in steps:
                x = self.run(step, x)
            if stage in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def freeze_stages(self) -> None:
        """Freeze the frozen stages.

        Also at construction: wrappers and optimizers look at parameters before ``train()``.
        """
        for stage in range(-1, self.frozen_stages):
            for module in self.stage_modules(stage):
                module.eval()
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'PathBackbone':
        """Set the mode; frozen stages, and norms under ``norm_eval``, stay in eval mode."""
        super().train(mode)
        self.freeze_stages()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


class SubnetBackbone(PathBackbone):
    """A static backbone of one arch, which loads weights of that arch only.

    Every way of loading a state dict is strict here: MMEngine's ``Pretrained`` initialiser skips
    keys and shapes that do not match, so that a wrong arch would train from random weights.

    Args:
        arch: The arch, as data.
        norm_cfg: Norm layer, as in mmcv. Defaults to BN.
        out_indices, frozen_stages, norm_eval, with_cp, init_cfg: See ``PathBackbone``.
        family_options: The options of its family.

    Raises:
        UserError: If an argument is out of range, or weights of another arch are loaded.
    """

    def __init__(
        self,
        arch: Arch,
        norm_cfg: NormCfg | None = None,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **family_options,
    ) -> None:
        family = self.family_type().with_options(**family_options)
        super().__init__(
            SearchSpace.of_arch(family, arch),
            static_layers(norm_cfg),
            out_indices,
            frozen_stages,
            norm_eval,
            with_cp,
            init_cfg,
        )
        self.register_load_state_dict_pre_hook(_refuse_mismatch)

    def keep_stages(self, stages: Collection[int]) -> None:
        """Drop the steps and the layers of all stages but these; -1 is the stem."""
        path = dict(enumerate((self._path.stem, *self._path.stages), start=-1))
        for stage in path.keys() - set(stages):
            path[stage] = ()
            dropped = set(self.stage_modules(stage))
            for name, module in list(self.named_children()):
                if module in dropped:
                    delattr(self, name)
        stem, *others = path.values()
        self._path = Path(stem, tuple(others))


def _refuse_mismatch(module, state_dict, prefix, *_) -> None:
    own = {prefix + key: value for key, value in module.state_dict().items()}
    given = {key: value for key, value in state_dict.items() if key.startswith(prefix)}
    # counters are buffers of no consequence, and older checkpoints lack them
    own = {k: v for k, v in own.items() if k in given or not k.endswith('num_batches_tracked')}
    if found := differences(own, given):
        raise UserError(
            f'checkpoint: {describe(found)} of the {len(own)} weights of {type(module).__name__} '
            f'at arch {module.arch}; load the weights extracted at this arch'
        )


class DynamicBackbone(PathBackbone):
    """A supernet: holds the weights of a space's largest arch and runs any arch in its bounds.

    Args:
        space: A space of its family: its name, its data or a ``SearchSpace``.
        norm_cfg: ``dict(type='BN')`` or ``dict(type='SyncBN')``. Defaults to BN.
        out_indices, frozen_stages, norm_eval, with_cp, init_cfg: See ``PathBackbone``.
        family_options: Options that replace the space's own, e.g. ``in_channels=1``.

    Attributes:
        space: The search space.
        arch: The active arch; the largest one after construction.

    Raises:
        UserError: If the space, an option or the norm is unknown or unfit.
    """

    subnet_type: ClassVar[type[SubnetBackbone]]

    def __init__(
        self,
        space: str | dict | SearchSpace,
        norm_cfg: NormCfg | None = None,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **family_options,
    ) -> None:
        space = get_space(space)
        if not isinstance(space.family, self.family_type):
            raise UserError(
                f'space: {space.name!r} is a {type(space.family).__name__}; {type(self).__name__} '
                f'takes a {self.family_type.__name__}'
            )
        space = space.with_options(**family_options)
        super().__init__(
            space,
            dynamic_layers(norm_cfg),
            out_indices,
            frozen_stages,
            norm_eval,
            with_cp,
            init_cfg,
        )
        self.space = space

    def set_arch(self, arch: Arch | str) -> None:
        """Make ``arch``, or the anchor of that name, the active one.

        Raises:
            UserError: If the arch is malformed or out of the space's bounds.
        """
        self.arch = self.space.check(arch)
        self._path = self.space.path(self.arch)

    def path(self, arch: Arch) -> Path:
        """The steps that run ``arch``."""
        return self.space.path(arch)

    def subnet_options(self) -> dict[str, Any]:
        """The arguments, beside the arch, that build this supernet's subnets."""
        keep = ('out_indices', 'frozen_stages', 'norm_eval', 'with_cp')
        return {**vars(self.space.family), **{k: getattr(self, k) for k in keep}}

    @torch.no_grad()
    def extract(self, arch: Arch | str) -> SubnetBackbone:
        """A static backbone of ``arch`` with its own copy of the weights that its path uses.

        Raises:
            UserError: If the arch is malformed or out of the space's bounds.
        """
        arch = self.space.check(arch)
        subnet = self.subnet_type(arch=arch, **self.subnet_options())
        ours = self.state_dict()
        parts = {key: part_of(ours[key], own.shape) for key, own in subnet.state_dict().items()}
        subnet.load_state_dict(parts)
        subnet.to(next(self.parameters()).device)
        return subnet.train(self.training)


Encoder = tuple[DynamicBackbone, nn.Module]
"""A backbone and the neck that reads it: the neck's first output is the embedding, (N, D)."""
