"""Base of all self-supervised supernets: an iteration over several subnets."""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn as nn
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmpretrain.models.selfsup import BaseSelfSupervisor
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from gaia_ssl.models.backbones import DynamicBackbone, Encoder
from gaia_ssl.models.layers import make_input_elastic, synchronise_norms
from gaia_ssl.models.teachers import FrozenTeacher, build_teacher
from gaia_ssl.registry import ARCH_SAMPLERS, MODELS
from gaia_ssl.space import SAMPLERS, Arch, count_cost
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.openmmlab import backward_uncounted
from gaia_ssl.utils.preprocessor import with_type

from .guides import GuidedIteration, Guides

# the samplers belong to the room space, which knows no registry
for sampler in SAMPLERS:
    ARCH_SAMPLERS.register_module(module=sampler)


# by the setting at fault: the batch, and advice
_SMALL = dict(
    batch_size=('a batch', 'give 2 or more'),
    drop_last=('the last batch of an epoch', 'set it to True'),
)


class SupernetSelfSupervisor(BaseSelfSupervisor):
    """Base of all methods: trains several subnets of a dynamic backbone per iteration.

    An iteration computes its targets once. Then it computes the loss of each sampled arch with the
    same targets and backpropagates it at once. Then it steps once. Its loss is the mean over the
    archs. A method derives from this class and from mmpretrain's own method, which supplies its
    parts. It states its targets, the loss of one subnet, and what follows once all subnets have
    been trained. A method of mmpretrain without state needs no class, see ``lift``.

    Args:
        backbone: Config of a dynamic backbone.
        neck: Config of a neck. Its layers that read the backbone are made elastic. Synchronised
            norms, here and in the head, run on CPUs, too.
        head: Config of a head.
        arch_sampler: Config of the sampler of an iteration's archs. Defaults to the sandwich rule
            with one random subnet.
        guides: Arguments of ``Guides``, by which subnets also learn from the embeddings of larger
            ones, of the momentum teacher, or of a frozen one. Subnets then run from the largest to
            the smallest. Defaults to None: each learns by its own loss alone.
        teacher: Config of the network of the guide ``'teacher'``, see ``build_teacher``. Defaults
            to none.
        loss_weights: Weights of subnets' losses in the mean by their labels, such as
            ``dict(max=2.0)``; those not named have 1. Defaults to a plain mean.
        channels_last: Keep images and convolutions in channels-last order. Defaults to False.
        data_preprocessor: Config of the preprocessing. Defaults to mmpretrain's for
            self-supervision.
        kwargs: Further arguments of the method.

    Attributes:
        sampled: The archs of the latest iteration by the labels of their losses.
        has_momentum_teacher: Whether the method has ``teacher_outputs``.

    Raises:
        UserError: If the backbone is not dynamic, the neck does not fit it, or a part cannot be
            built.
    """

    has_momentum_teacher: ClassVar[bool] = False

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        arch_sampler: dict | None = None,
        guides: dict | None = None,
        teacher: dict | None = None,
        loss_weights: dict[str, float] | None = None,
        channels_last: bool = False,
        data_preprocessor: dict | None = None,
        **kwargs,
    ) -> None:
        supernet = _build('backbone', backbone)
        if not isinstance(supernet, DynamicBackbone):
            raise UserError(
                f'model.backbone.type: {type(supernet).__name__} is not a supernet; use a '
                'dynamic backbone such as gaia_ssl.DynamicResNet'
            )
        *_, last = supernet.output_shapes()
        elastic_neck = make_input_elastic(_build('neck', neck), last.channels)
        super().__init__(
            backbone=supernet,
            neck=synchronise_norms(elastic_neck),
            head=synchronise_norms(_build('head', head)),
            data_preprocessor=_build('data_preprocessor', with_type(data_preprocessor)),
            **kwargs,
        )
        self.arch_sampler = ARCH_SAMPLERS.build(arch_sampler or dict(type='SandwichSampler'))
        self.sampled: dict[str, Arch] = {}
        frozen = None if teacher is None else _build_frozen(teacher, data_preprocessor, supernet)
        self.guides = _build_guides(guides, frozen, self)
        self.loss_weights = _check_loss_weights(loss_weights or {}, supernet.space.anchors)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)

    def targets(self, inputs: list[Tensor], data_samples: list) -> Any:
        """Compute the targets of all subnets, once per iteration and without gradients."""
        return None

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: Any
    ) -> dict[str, Tensor]:
        """Compute the losses of the active subnet."""
        return self.loss(inputs, data_samples)

    def after_iteration(self, targets: Any) -> None:
        """Finish an iteration once all subnets have been trained, e.g. enqueue its keys."""

    def teacher_outputs(self, inputs: list[Tensor], targets: Any) -> list[Tensor]:
        """The momentum teacher's outputs for the views that a subnet's neck is called with."""
        raise NotImplementedError

    def check_batches(self, sizes: Sequence[int]) -> None:
        """Check that the method can learn from the batches of a training.

        Args:
            sizes: Images of a whole batch, and of an epoch's last one if it is smaller; in all
                processes.

        Raises:
            UserError: If a batch is too small.
        """
        # those of one process, which normalise its own images alone
        norms = any(isinstance(module, nn.BatchNorm1d) for module in self.modules())
        processes = get_world_size() if norms else 1
        for field, images in zip(('batch_size', 'drop_last'), sizes, strict=False):
            if images < 2 * processes:
                batch, advice = _SMALL[field]
                raise UserError(
                    f'train_dataloader.{field}: {batch} has one image'
                    f'{" in a process" if processes > 1 else ""}; embeddings are normalised over, '
                    f'and compared with, those of other images; {advice}'
                )

    @property
    def student(self) -> Encoder:
        """The trained encoder."""
        return self.backbone, self.neck

    @property
    def teacher(self) -> Encoder:
        """The encoder that a search compares subnets with, at MAX."""
        return self.student

    @property
    def frozen_teacher(self) -> FrozenTeacher | None:
        """The frozen network that subnets learn from, if there is one."""
        guide = None if self.guides is None else self.guides.teacher
        return None if guide is None else guide.teacher

    def forward(
        self,
        inputs: list[Tensor],
        data_samples: list | None = None,
        mode: str = 'tensor',
        targets: Any = None,
    ) -> Any:
        """Run the model as mmpretrain's methods do, or compute the active subnet's losses.

        Mode ``'subnet_loss'`` is one subnet's pass of an iteration. It is a mode of ``forward``
        because DDP prepares its reduction of gradients only if a pass enters by its ``forward``.

        Args:
            inputs: Views, each (N, C, H, W).
            data_samples: Annotations of the images.
            mode: ``'tensor'``, ``'loss'``, ``'predict'`` or ``'subnet_loss'``.
            targets: The iteration's targets, for mode ``'subnet_loss'``.
        """
        if mode == 'subnet_loss':
            return self.subnet_loss(inputs, data_samples or [], targets)
        return super().forward(inputs, data_samples, mode)

    def train_step(
        self,
        data: dict,
        optim_wrapper: OptimWrapper,
        wrapper: DistributedDataParallel | None = None,
    ) -> dict[str, Tensor]:
        """Train one iteration over the archs that the sampler draws.

        Args:
            data: A batch from the data loader.
            optim_wrapper: Steps once, after the last subnet.
            wrapper: The DDP wrapper of this model, if any. It reduces gradients in the last pass
                only. That pass must be MAX's, which uses every parameter; if it is not, gradients
                are reduced in one piece before the step.

        Returns:
            The mean loss, and that of each arch: ``loss_max``, ``loss_min`` and so on for the
            anchors of the space, ``loss_subnet1`` for the one at that position among the sampled.
        """
        model = wrapper if wrapper is not None else self
        data, targets, guided = self._prepare(model, optim_wrapper, data)
        archs = self._draw(data, partial(self._current_loss, optim_wrapper, data, targets))
        weights = self._weights(archs)
        reduced_by_wrapper = archs[-1] == self.backbone.space.max
        losses = []
        for index, arch in enumerate(archs):
            last = index == len(archs) - 1
            self.backbone.set_arch(arch)
            reduces = last and reduced_by_wrapper
            with nullcontext() if wrapper is None or reduces else wrapper.no_sync():
                with optim_wrapper.optim_context(model):
                    own = partial(self._loss, model, data, targets)
                    loss = own() if guided is None else guided.loss(own)
                share = optim_wrapper.scale_loss(loss * weights[index] / sum(weights))
                # an iteration counts once for gradient accumulation, at its last subnet
                if last:
                    optim_wrapper.backward(share)
                else:
                    backward_uncounted(optim_wrapper, share)
            losses.append(loss.detach())
        self.backbone.set_arch(self.backbone.space.max)

        if optim_wrapper.should_update():
            if wrapper is not None and not reduced_by_wrapper:
                all_reduce_params(self._gradients(), coalesce=True, bucket_size_mb=-1, op='mean')
            optim_wrapper.step()
            optim_wrapper.zero_grad()
        self.after_iteration(targets)
        return self._log(archs, losses, weights)

    def _prepare(
        self, model: nn.Module, optim_wrapper: OptimWrapper, data: dict
    ) -> tuple[dict, Any, GuidedIteration | None]:
        """Preprocess a batch, compute its targets and those of the guides, if there are any."""
        with optim_wrapper.optim_context(model), torch.no_grad():
            data = self.data_preprocessor(data, training=True)
            data['inputs'] = [
                view.contiguous(memory_format=self.memory_format) for view in data['inputs']
            ]
            targets = self.targets(data['inputs'], data['data_samples'])
            if self.guides is None:
                return data, targets, None
            outputs = None
            if 'ema' in self.guides.weights:
                outputs = self.teacher_outputs(data['inputs'], targets)
            encoder = self.backbone, self.neck
            return data, targets, GuidedIteration(self.guides, encoder, data, outputs)

    def _draw(self, data: dict, loss_of: Callable[[Arch], float]) -> list[Arch]:
        """Draw the archs of this iteration, in the order in which they run."""
        hub = MessageHub.get_current_instance()
        iteration, total = hub.get_info('iter', 0), hub.get_info('max_iters', 0)
        space = self.backbone.space
        progress = iteration / total if total else 1.0
        archs = self.arch_sampler.sample(space, iteration, loss_of, progress)
        if self.guides is None:
            return archs
        if 'max' in self.guides.weights and space.max not in archs:
            raise UserError(
                'model.guides.weights: subnets learn from MAX, which model.arch_sampler did not '
                'draw; use a sampler that always does, such as SandwichSampler, or another guide'
            )
        # those that guide must run before those that are guided
        height, width = data['inputs'][0].shape[-2:]
        costs = [count_cost(space, arch, (height, width)).flops for arch in archs]
        order = sorted(range(len(archs)), key=lambda i: (archs[i] != space.max, -costs[i], i))
        return [archs[index] for index in order]

    def _weights(self, archs: list[Arch]) -> list[float]:
        """The weights of the archs' losses in the mean."""
        labels = [self._label(arch, index) for index, arch in enumerate(archs)]
        return [self.loss_weights.get(label, 1.0) for label in labels]

    def _loss(self, model: nn.Module, data: dict, targets: Any) -> Tensor:
        """Compute the active subnet's own loss, a scalar; ``model`` is this one or its wrapper."""
        losses = model(**data, mode='subnet_loss', targets=targets)
        return self.parse_losses(losses)[0]

    @torch.no_grad()
    def _current_loss(
        self, optim_wrapper: OptimWrapper, data: dict, targets: Any, arch: Arch
    ) -> float:
        """Compute the loss of any arch on this iteration's batch, the same in every process."""
        self.backbone.set_arch(arch)
        with optim_wrapper.optim_context(self):
            loss = self._loss(self, data, targets).float()
        all_reduce(loss, op='mean')
        return loss.item()

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.parameters() if p.grad is not None]

    def _log(
        self, archs: list[Arch], losses: list[Tensor], weights: list[float]
    ) -> dict[str, Tensor]:
        """Name the losses of the archs, remember the archs by these labels, add the mean loss."""
        labels = [self._label(arch, index) for index, arch in enumerate(archs)]
        self.sampled = dict(zip(labels, archs, strict=True))
        named = {f'loss_{label}': loss for label, loss in zip(labels, losses, strict=True)}
        total = torch.stack([loss * weight for loss, weight in zip(losses, weights)]).sum()
        return dict(loss=total / sum(weights), **named)

    def _label(self, arch: Arch, index: int) -> str:
        anchors = self.backbone.space.anchors.items()
        return next((name.lower() for name, a in anchors if a == arch), f'subnet{index}')


def _build(part: str, options: dict) -> nn.Module:
    with building(f'model.{part}', options):
        return MODELS.build(options)


def _build_frozen(
    teacher: dict, preprocessor: dict | None, backbone: DynamicBackbone
) -> FrozenTeacher:
    return build_teacher(teacher, with_type(preprocessor), backbone.space.family.in_channels)


def _build_guides(
    options: dict | None, frozen: FrozenTeacher | None, model: SupernetSelfSupervisor
) -> Guides | None:
    if options is None and frozen is None:
        return None
    try:
        guides = Guides(**(options or dict(weights={})), teacher=frozen)
    except TypeError as error:
        raise UserError(f'model.guides: {error}; it takes weights, loss and temperature') from error
    if 'ema' in guides.weights and not model.has_momentum_teacher:
        raise UserError(
            f'model.guides.weights: {type(model).__name__} has no momentum teacher for ema; use '
            'max or next'
        )
    return guides


def _check_loss_weights(weights: dict[str, float], anchors: dict[str, Arch]) -> dict[str, float]:
    """Check that weights are positive numbers by the labels of anchors."""
    labels = [name.lower() for name in anchors]
    for label, weight in weights.items():
        if label not in labels or not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise UserError(
                f'model.loss_weights.{label}: {weight!r} is not a positive number for one of '
                f'{", ".join(labels)}'
            )
    return weights
