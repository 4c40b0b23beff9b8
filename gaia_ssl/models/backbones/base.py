"""Base classes of supernet and subnet backbones, which run the steps of an arch's path in order."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gaia_ssl.models.layers import batch_norms, kernel_dims, part_of
from gaia_ssl.space import Arch, Family, Path, SearchSpace, Shape, Size, Step, get_space
from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.weights import describe, key_differences

from .layer_factory import LayerFactory, NormCfg, dynamic_layers, static_layers

SUPERNETS: dict[type[Family], type['DynamicBackbone']] = {}
"""The supernet of each family; its subnets are of its ``subnet_type``."""


class PathBackbone(BaseModule):
    """Runs the steps of its active path one after the other.

    A family says which module a step is, see ``build_step``. The name of the step is its path
    in the backbone, such as ``layer3.4`` or ``stages.2.4``.

    Args:
        source: The arch of a subnet or the space of a supernet.
        norm_cfg: Norm layer. Defaults to the family's own.
        out_indices: Stages whose outputs are returned. Defaults to the last.
        frozen_stages: Stages up to this one do not train: -1 none, 0 the stem, 1 the first
            stage as well, and so on. Defaults to -1.
        norm_eval: Keep batch norms in eval mode while training. Defaults to False.
        with_cp: Recompute the steps in the backward pass to save memory. Defaults to False.
        init_cfg: Initialisation, MMEngine style. Defaults to the family's own.
        family_options: Options of the family.

    Attributes:
        space: The space whose largest arch it holds the layers of.
        arch: The active arch.
        family_type: The family.
        default_init: Its initialisation unless a config says otherwise.
    """

    family_type: ClassVar[type[Family]]
    default_init: ClassVar[list[dict[str, Any]]] = [
        dict(type='Kaiming', layer='Conv2d'),
        dict(type='Constant', val=1, layer=['_BatchNorm', 'DynamicBatchNorm2d', 'GroupNorm']),
    ]

    def __init__(
        self,
        source: Any,
        norm_cfg: NormCfg | None = None,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **family_options: Any,
    ) -> None:
        super().__init__(init_cfg or self.default_init)
        if not isinstance(norm_cfg, dict | None):
            raise UserError(f"norm_cfg: {norm_cfg!r} is not a dict; give e.g. dict(type='BN')")
        self.space = self._space_of(source, family_options)
        layers = self._layer_factory(norm_cfg)
        self.arch = self.space.max
        self._path = self._held = self.space.path(self.arch)
        stages = len(self._path.stages)
        if out_indices is None:
            out_indices = (stages - 1,)
        if not isinstance(out_indices, Sequence):
            raise UserError(f'out_indices: {out_indices!r} is not a list of stages; give one')
        if not out_indices or not all(i in range(stages) for i in out_indices):
            raise UserError(f'out_indices: {out_indices} are not among the stages 0..{stages - 1}')
        if frozen_stages not in range(-1, stages + 1):
            raise UserError(f'frozen_stages: {frozen_stages} is not in -1..{stages}')
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        for traced in self.space.family.trace(self.arch, (224, 224)):
            self._add_step(traced.step, traced.in_channels, layers)
        self.freeze_stages()

    @classmethod
    @abstractmethod
    def _space_of(cls, source: Any, family_options: dict[str, Any]) -> SearchSpace:
        """The space whose largest arch the backbone holds the layers of."""

    @abstractmethod
    def _layer_factory(self, norm_cfg: NormCfg | None) -> LayerFactory:
        """Builds the layers."""

    def _add_step(self, step: Step, in_channels: int, layers: LayerFactory) -> None:
        """Add the layers of a step: by default one module, at the path that is its name."""
        *folders, name = step.name.split('.')
        parent: nn.Module = self
        for folder in folders:
            if folder not in dict(parent.named_children()):
                parent.add_module(folder, nn.Sequential())
            parent = parent.get_submodule(folder)
        parent.add_module(name, self.build_step(step, in_channels, layers))

    @abstractmethod
    def build_step(self, step: Any, in_channels: int, layers: LayerFactory) -> nn.Module:
        """The module of a step, called as ``module(step, x)``.

        Args:
            step: The step at its largest; sizes the weights.
            in_channels: Channels of its (largest) input.
            layers: Builds its layers.
        """

    def step_modules(self, step: Step) -> tuple[nn.Module, ...]:
        """The modules that hold the weights of a step."""
        return (self.get_submodule(step.name),)

    def stage_modules(self, stage: int) -> Iterator[nn.Module]:
        """The modules of the stem (-1) or of a stage."""
        held = self._held
        steps = held.stem if stage < 0 else (*held.stages[stage], held.outputs[stage])
        return chain.from_iterable(self.step_modules(step) for step in steps if step is not None)

    @property
    def active_path(self) -> Path:
        """The steps that ``forward`` runs."""
        return self._path

    def output_shapes(self, size: Size = (224, 224)) -> list[Shape]:
        """The shapes of the outputs of ``forward``.

        Args:
            size: Height and width of the images in pixels. Defaults to 224x224.
        """
        shapes = self.space.family.output_shapes(self.arch, size)
        return [shape for stage, shape in enumerate(shapes) if stage in self.out_indices]

    def apply_step(self, step: Step, x: Tensor) -> Tensor:
        """Compute one step."""
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
        return tuple(self.forward_stages(x, self.out_indices).values())

    def forward_stages(self, x: Tensor, stages: Collection[int]) -> dict[int, Tensor]:
        """Run the active path and return the outputs of any stages.

        Args:
            x: Images of shape (N, C, H, W).
            stages: The stages, from 0.

        Returns:
            By stage, in rising order, its feature map of shape (N, C_i, H_i, W_i).
        """
        for step in self._path.stem:
            x = self.run(step, x)
        outputs = {}
        for stage, (steps, output) in enumerate(zip(self._path.stages, self._path.outputs)):
            for step in steps:
                x = self.run(step, x)
            if stage in stages:
                outputs[stage] = x if output is None else self.run(output, x)
        return outputs

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
            for norm in batch_norms(self):
                norm.eval()
        return self


class SubnetBackbone(PathBackbone):
    """A static backbone of one arch, which loads weights of that arch only.

    Every way of loading a state dict is strict here: MMEngine's ``Pretrained`` initialiser skips
    keys and shapes that do not match, so that a wrong arch would train from random weights.

    Args:
        arch: The arch, as data.
        args: See ``PathBackbone``; ``norm_cfg`` may be any norm of mmcv.
        kwargs: See ``PathBackbone``, and the options of the family.

    Raises:
        UserError: If an argument is out of range, or weights of another arch are loaded.
    """

    def __init__(self, arch: Arch, *args: Any, **kwargs: Any) -> None:
        super().__init__(arch, *args, **kwargs)
        self.register_load_state_dict_pre_hook(_refuse_mismatch)

    @classmethod
    def _space_of(cls, source: Arch, family_options: dict[str, Any]) -> SearchSpace:
        return SearchSpace.of_arch(cls.family_type().with_options(**family_options), source)

    def _layer_factory(self, norm_cfg: NormCfg | None) -> LayerFactory:
        return static_layers(norm_cfg or self.space.family.norm)

    def keep_stages(self, stages: Collection[int]) -> None:
        """Drop the steps and the layers of all stages but these; -1 is the stem."""
        number = len(self._held.stages)
        dropped = {
            module
            for stage in set(range(-1, number)) - set(stages)
            for module in self.stage_modules(stage)
        }
        _remove(self, dropped)
        stem, *others = (
            steps if stage in stages else ()
            for stage, steps in enumerate((self._held.stem, *self._held.stages), start=-1)
        )
        outputs = (
            step if stage in stages else None for stage, step in enumerate(self._held.outputs)
        )
        self._path = self._held = Path(stem, tuple(others), tuple(outputs))


def _remove(parent: nn.Module, dropped: set[nn.Module]) -> None:
    """Remove modules from a network, and the containers that they leave empty."""
    for name, child in list(parent.named_children()):
        if child not in dropped:
            had_children = next(child.children(), None) is not None
            _remove(child, dropped)
            if not had_children or next(child.children(), None) is not None:
                continue
        delattr(parent, name)


def _refuse_mismatch(module, state_dict, prefix, *_) -> None:
    own = {prefix + key: value for key, value in module.state_dict().items()}
    given = {key: value for key, value in state_dict.items() if key.startswith(prefix)}
    # older checkpoints lack the counters, which change nothing
    own = {k: v for k, v in own.items() if k in given or not k.endswith('num_batches_tracked')}
    if found := key_differences(own, given):
        raise UserError(
            f'checkpoint: {describe(found)} of the {len(own)} weights of {type(module).__name__} '
            f'at arch {module.arch}; load the weights extracted at this arch'
        )


class DynamicBackbone(PathBackbone):
    """A supernet: holds the weights of a space's largest arch and runs any arch in its bounds.

    Args:
        space: A space of its family: its name, its data or a ``SearchSpace``.
        args: See ``PathBackbone``; ``norm_cfg`` is the family's own norm, which may be
            ``dict(type='SyncBN')`` where that is BN.
        kwargs: See ``PathBackbone``, and options of the family that replace the space's own, e.g.
            ``in_channels=1``.

    Attributes:
        space: The search space.
        arch: The active arch; the largest one after construction.

    Raises:
        UserError: If the space, an option or the norm is unknown or invalid.
    """

    subnet_type: ClassVar[type[SubnetBackbone]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if 'subnet_type' in vars(cls):
            SUPERNETS[cls.family_type] = cls

    def __init__(self, space: str | dict | SearchSpace, *args: Any, **kwargs: Any) -> None:
        super().__init__(space, *args, **kwargs)

    @classmethod
    def _space_of(cls, source: Any, family_options: dict[str, Any]) -> SearchSpace:
        space = get_space(source)
        if not isinstance(space.family, cls.family_type):
            raise UserError(
                f'space: {space.name!r} is a {type(space.family).__name__}; {cls.__name__} '
                f'takes a {cls.family_type.__name__}'
            )
        return space.with_options(**family_options)

    def _layer_factory(self, norm_cfg: NormCfg | None) -> LayerFactory:
        return dynamic_layers(norm_cfg, self.space.family.norm)

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
        ours, parts = self.state_dict(), {}
        for key, own in subnet.state_dict().items():
            owner, _, name = key.rpartition('.')
            dims = kernel_dims(self.get_submodule(owner), name)
            parts[key] = part_of(ours[key], own.shape, dims)
        subnet.load_state_dict(parts)
        subnet.to(next(self.parameters()).device)
        return subnet.train(self.training)


Encoder = tuple[DynamicBackbone, nn.Module]
"""A backbone and the neck that reads it: the neck's first output is the embedding, (N, D)."""
