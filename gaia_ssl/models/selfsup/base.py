"""The base of every self-supervised supernet: one iteration over several subnets."""

from contextlib import nullcontext
from typing import Any

import torch
import torch.nn as nn
from mmengine.dist import all_reduce_params
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor

from gaia_ssl.models.layers import make_input_elastic
from gaia_ssl.registry import ARCH_SAMPLERS, MODELS
from gaia_ssl.space import SAMPLERS, Arch

# the samplers are plain Python, apart from any registry
for sampler in SAMPLERS:
    ARCH_SAMPLERS.register_module(module=sampler)

Encoder = tuple[nn.Module, nn.Module]
"""A backbone and the neck that reads it."""


class SupernetSelfSupervisor(BaseSelfSupervisor):
    """Trains a dynamic backbone: the part of a method that is about subnets.

    An iteration computes its targets once, then the loss of each sampled arch against the same
    targets, backpropagating each at once, then steps once. Its loss is the mean over the archs.
    A method states its targets, its loss for one subnet and what it does afterwards; it derives
    from this class and, for its parts, from mmpretrain's own method.

    Args:
        backbone: Config of a dynamic backbone.
        neck: Config of a neck; its first linear layer is made elastic.
        head: Config of a head.
        arch_sampler: Config of what draws the archs of an iteration. Defaults to the sandwich
            rule with one random subnet.
        data_preprocessor: Config of the preprocessing. Defaults to mmpretrain's for
            self-supervision.
        kwargs: Passed on to the method.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        arch_sampler: dict | None = None,
        data_preprocessor: dict | None = None,
        **kwargs,
    ) -> None:
        data_preprocessor = dict(data_preprocessor or {})
        data_preprocessor.setdefault('type', 'mmpretrain.SelfSupDataPreprocessor')
        super().__init__(
            backbone=MODELS.build(backbone),
            neck=make_input_elastic(MODELS.build(neck)),
            head=MODELS.build(head),
            data_preprocessor=MODELS.build(data_preprocessor),
            **kwargs,
        )
        self.arch_sampler = ARCH_SAMPLERS.build(arch_sampler or dict(type='SandwichSampler'))

    def targets(self, inputs: list[Tensor], data_samples: list) -> Any:
        """What all subnets of an iteration learn from; computed once, without gradients."""
        return None

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: Any
    ) -> dict[str, Tensor]:
        """The losses of the active subnet."""
        return self.loss(inputs, data_samples)

    def after_iteration(self, targets: Any) -> None:
        """What a method does once all subnets have learned, e.g. enqueue its keys."""

    @property
    def student(self) -> Encoder:
        """The trained encoder."""
        return self.backbone, self.neck

    @property
    def teacher(self) -> Encoder:
        """The encoder that a search compares subnets with; it runs at MAX."""
        return self.student

    def forward(
        self,
        inputs: list[Tensor],
        data_samples: list | None = None,
        mode: str = 'tensor',
        targets: Any = None,
    ) -> Any:
        """As mmpretrain's; mode ``'subnet_loss'`` is one subnet's pass of an iteration."""
        if mode == 'subnet_loss':
            return self.subnet_loss(inputs, data_samples, targets)
        return super().forward(inputs, data_samples, mode)

    def train_step(
        self, data: dict, optim_wrapper: OptimWrapper, wrapper: nn.Module | None = None
    ) -> dict[str, Tensor]:
        """One iteration over the archs that the sampler draws.

        Args:
            data: A batch from the data loader.
            optim_wrapper: Steps once, after the last subnet.
            wrapper: The DDP wrapper around this model, if any. It reduces gradients in the last
                pass alone, which must be MAX's: MAX uses every parameter. Without MAX they are
                reduced in one piece before the step.

        Returns:
            The mean loss, and that of each arch: ``loss_max`` and ``loss_min`` of the largest and
            the smallest, ``loss_subnet1`` of the one at that position among the sampled.
        """
        model = wrapper if wrapper is not None else self
        space = self.backbone.space
        iteration = MessageHub.get_current_instance().get_info('iter', 0)
        archs = self.arch_sampler.sample(space, iteration)
        reduced_by_wrapper = archs[-1] == space.max

        with optim_wrapper.optim_context(model), torch.no_grad():
            data = self.data_preprocessor(data, training=True)
            targets = self.targets(data['inputs'], data['data_samples'])

        losses = []
        for index, arch in enumerate(archs):
            last = index == len(archs) - 1
            self.backbone.set_arch(arch)
            local = wrapper is not None and not (last and reduced_by_wrapper)
            with wrapper.no_sync() if local else nullcontext():
                with optim_wrapper.optim_context(model):
                    loss, _ = self.parse_losses(model(**data, mode='subnet_loss', targets=targets))
                optim_wrapper.backward(optim_wrapper.scale_loss(loss / len(archs)))
            if not last:
                # one iteration is one count, however many subnets it has
                optim_wrapper._inner_count -= 1
            losses.append(loss.detach())
        self.backbone.set_arch(space.max)

        if optim_wrapper.should_update():
            if wrapper is not None and not reduced_by_wrapper:
                all_reduce_params(self._gradients(), coalesce=True, bucket_size_mb=-1, op='mean')
            optim_wrapper.step()
            optim_wrapper.zero_grad()
        self.after_iteration(targets)
        labels = [self._label(arch, index) for index, arch in enumerate(archs)]
        named = {f'loss_{label}': loss for label, loss in zip(labels, losses, strict=True)}
        return dict(loss=torch.stack(losses).mean(), **named)

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.parameters() if p.grad is not None]

    def _label(self, arch: Arch, index: int) -> str:
        space = self.backbone.space
        return {str(space.max): 'max', str(space.min): 'min'}.get(str(arch), f'subnet{index}')
