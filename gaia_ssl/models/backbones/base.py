"""Backbones as folds over the steps of a path: the supernet's and the subnet's side."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmengine.utils.dl_utils.parrots_wrapper import _BatchNorm
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gaia_ssl.space import Arch, Path, SearchSpace, Step, get_space
from gaia_ssl.utils.errors import UserError
from gaia_ssl.utils.weights import describe, differences


class PathBackbone(BaseModule):
    """Runs the steps of its active path one after the other.

    Args:
        path: The steps to run.
        out_indices: Stages whose outputs are returned. Defaults to the last of four.
        frozen_stages: Stages up to this one do not train: -1 none, 0 the stem, 1 the first
            stage as well, and so on. Defaults to -1.
        norm_eval: Keep batch norms in eval mode while training. Defaults to False.
        with_cp: Recompute the steps in the backward pass to save memory. Defaults to False.
        init_cfg: Initialisation, MMEngine style.
    """

    def __init__(
        self,
        path: Path,
        out_indices: Sequence[int] = (3,),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        stages = len(path.stages)
        if not out_indices or not all(0 <= i < stages for i in out_indices):
            raise UserError(f'out_indices: {out_indices} are not among the stages 0..{stages - 1}')
        if not -1 <= frozen_stages <= stages:
            raise UserError(f'frozen_stages: {frozen_stages} is not in -1..{stages}')
        self._path = path
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp

    @property
    def active_path(self) -> Path:
        """The steps that ``forward`` runs."""
        return self._path

    @abstractmethod
    def stage_modules(self, stage: int) -> Iterable[nn.Module]:
        """The modules of the stem (-1) or of a stage."""

    @abstractmethod
    def apply_step(self, step: Step, x: Tensor) -> Tensor:
        """Compute one step."""

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

        A family calls it once its layers are there: wrappers and optimizers look at parameters
        before the first ``train()``.
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
    """

    def __init__(self, arch: Arch, path: Path, **kwargs) -> None:
        super().__init__(path, **kwargs)
        self.arch = arch
        self.register_load_state_dict_pre_hook(_refuse_mismatch)


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
        space: A space, its name or its data.
        kwargs: See ``PathBackbone``.

    Attributes:
        space: The search space.
        arch: The active arch; the largest one after construction.
    """

    subnet_type: ClassVar[type[SubnetBackbone]]

    def __init__(self, space: str | dict | SearchSpace, **kwargs) -> None:
        space = get_space(space)
        super().__init__(space.path(space.max), **kwargs)
        self.space = space
        self.arch = space.max

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
        options = {k: getattr(self.space.family, k) for k in self.space.family.__dict__}
        keep = ('out_indices', 'frozen_stages', 'norm_eval', 'with_cp')
        return dict(options, **{k: getattr(self, k) for k in keep})

    @torch.no_grad()
    def extract(self, arch: Arch | str) -> SubnetBackbone:
        """A static backbone of ``arch`` with its own copy of the weights that its path uses.

        Raises:
            UserError: If the arch is malformed or out of the space's bounds.
        """
        arch = self.space.check(arch)
        subnet = self.subnet_type(arch=arch, **self.subnet_options())
        ours = self.state_dict()
        # a subnet is the first channels of each layer that it has
        sliced = {
            key: ours[key][tuple(map(slice, value.shape))]
            for key, value in subnet.state_dict().items()
        }
        subnet.load_state_dict(sliced)
        subnet.to(next(self.parameters()).device)
        return subnet.train(self.training)
