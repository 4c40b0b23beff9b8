"""Distillation of a frozen teacher into all subnets."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.dist import get_world_size
from mmpretrain.models.selfsup import MoCo
from torch import Tensor

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.models.teachers import (
    FrozenEncoder,
    FrozenTeacher,
    PrincipalComponents,
    build_teacher,
)
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.preprocessor import with_type

from .base import SupernetSelfSupervisor
from .momentum import check_batches_of_queue, check_queue


class TeacherTargets(NamedTuple):
    """Targets of an iteration.

    Attributes:
        keys: The teacher's mapped embeddings of the first view as unit vectors, (N, K).
        views: Per view, the targets of the head's distances.
    """

    keys: Tensor
    views: list[dict[str, list[Tensor]]]


@MODELS.register_module()
class DynamicDistill(SupernetSelfSupervisor):
    """Knowledge distillation from a frozen network to every subnet, on images without labels.

    The teacher runs once per iteration and view, without gradients. Its distances from a subnet's
    features are those of a search: the embedding with what the subnet's neck puts out, feature
    maps by their self-similarity. The relation of an image to others is taken to a queue of the
    teacher's embeddings (SEED, Fang et al., ICLR 2021).

    Args:
        backbone: Config of a dynamic backbone.
        neck: Config of a neck, the student's head, with as many outputs as there are components.
        head: Config of a ``DistanceHead``.
        teacher: Config of the teacher, see ``build_teacher``. With a ``cache`` it runs once on
            each whole image before the training, not on the views.
        components: The teacher's embedding is mapped to this many of its principal components on
            the training images. Defaults to None: it stays as it is.
        components_file: Checkpoint with the components. Defaults to None: computed before the
            first iteration.
        start_as_map: Let the neck, a linear layer after an average over positions, start as the map
            to the components. For a teacher that is the largest subnet's own network: its
            embeddings are the targets from the first iteration. Defaults to False.
        queue_len: Embeddings in the queue of a relation, a multiple of the whole batch; 0 relates
            images to the others of their batch. Defaults to 4096.
        data_preprocessor, arch_sampler, kwargs: See ``SupernetSelfSupervisor``.

    Raises:
        UserError: If the teacher, the neck and the losses do not fit together.
    """

    queue: Tensor
    queue_ptr: Tensor

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        teacher: dict,
        components: int | None = None,
        components_file: str | None = None,
        start_as_map: bool = False,
        queue_len: int = 4096,
        data_preprocessor: dict | None = None,
        **kwargs,
    ) -> None:
        preprocessor = with_type(data_preprocessor)
        super().__init__(
            backbone=backbone, neck=neck, head=head, data_preprocessor=preprocessor, **kwargs
        )
        space = self.backbone.space
        frozen = build_teacher(teacher, preprocessor, space.family.in_channels)
        self.embedding_map = _build_map(frozen.channels, components, components_file)
        self.encoder = FrozenEncoder(frozen, self.embedding_map, space)
        self.stages = _stages(self.backbone, self.head.stages, frozen.num_maps)
        if frozen.cache_folder is not None and self.stages:
            raise UserError(
                'model.teacher.cache: dense losses compare maps of each view, which a cache of '
                'whole images does not have; leave out these losses or the cache'
            )
        width = components or frozen.channels
        _check_neck(self.neck, self.backbone, width)
        self.start_as_map = start_as_map
        if start_as_map:
            _starting_layer(self.neck, components, frozen.channels)
        # a part that no loss reads gets no gradient, which DDP would wait for
        self.neck.requires_grad_(self.head.reads_embedding)
        self.queue_len = queue_len if self.head.takes_queue else 0
        if self.queue_len:
            self.register_buffer('queue', F.normalize(torch.randn(width, queue_len), dim=0))
            self.register_buffer('queue_ptr', torch.zeros(1, dtype=torch.long))

    @property
    def teacher(self) -> FrozenEncoder:  # type: ignore[override]
        """The frozen teacher."""
        return self.encoder

    @property
    def frozen_teacher(self) -> FrozenTeacher:
        """The network of the teacher."""
        return self.encoder.teacher

    def init_weights(self) -> None:
        """Initialise; the neck starts as the map to the components if that is asked for."""
        super().init_weights()
        self.start_neck()

    @torch.no_grad()
    def start_neck(self) -> None:
        """Let the neck be the map to the components, if that is asked for and they are there."""
        found = self.embedding_map
        if self.start_as_map and isinstance(found, PrincipalComponents) and found.fitted:
            layer = _starting_layer(self.neck, *found.components.shape)
            layer.weight.copy_(found.components)
            layer.bias.copy_(-found.components @ found.center)

    def targets(self, inputs: list[Tensor], data_samples: list) -> TeacherTargets:
        """Run the teacher on every view, or look its embeddings up."""
        features: list[tuple[Tensor, dict[int, Tensor]]]
        if self.frozen_teacher.cache_folder is not None:
            cached = self.frozen_teacher.cached(data_samples).to(inputs[0].device)
            embedding = self.embedding_map(cached)
            features = [(embedding, {})] * len(inputs)
        else:
            features = [self.encoder(view, self.stages.values()) for view in inputs]
        views = [
            self.head.targets(embedding, self._by_head_stage(maps), self._queue)
            for embedding, maps in features
        ]
        return TeacherTargets(F.normalize(features[0][0], dim=1), views)

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: TeacherTargets
    ) -> dict[str, Tensor]:
        """Compute the active subnet's distances from the teacher, means over the views."""
        last = len(self.backbone.active_path.stages) - 1
        losses: dict[str, Tensor] = {}
        for view, target in zip(inputs, targets.views, strict=True):
            maps = self.backbone.forward_stages(view, {*self.stages.values(), last})
            embedding = self.neck((maps[last],))[0]
            found = self.head.loss(embedding, self._by_head_stage(maps), target, self._queue)
            for name, loss in found.items():
                losses[name] = losses.get(name, 0) + loss / len(inputs)
        return losses

    def loss(self, inputs: list[Tensor], data_samples: list, **kwargs) -> dict[str, Tensor]:
        """Compute the active subnet's losses with targets of its own."""
        with torch.no_grad():
            targets = self.targets(inputs, data_samples)
        return self.subnet_loss(inputs, data_samples, targets)

    def check_batches(self, sizes: Sequence[int]) -> None:
        """Check that the queue, if any, takes the batches of a training; see the base class."""
        super().check_batches(sizes)
        if self.queue_len:
            check_batches_of_queue(self.queue_len, sizes)

    def after_iteration(self, targets: TeacherTargets) -> None:
        """Enqueue the teacher's embeddings.

        Raises:
            UserError: If the queue does not hold a whole number of batches.
        """
        if self.queue_len:
            check_queue(self.queue_len, len(targets.keys) * get_world_size())
            self._dequeue_and_enqueue(targets.keys)

    # mmpretrain's queue, of whose method nothing else is used
    _dequeue_and_enqueue = MoCo._dequeue_and_enqueue

    @property
    def _queue(self) -> Tensor | None:
        # a queue moves in place after the subnets' passes, and targets keep none of it
        return self.queue if self.queue_len else None

    def _by_head_stage(self, maps: dict[int, Tensor]) -> dict[int, Tensor]:
        """Maps by the head's names of the stages."""
        return {named: maps[stage] for named, stage in self.stages.items()}


def _build_map(channels: int, components: int | None, file: str | None) -> nn.Module:
    """Build the map of a teacher's embeddings."""
    if components is None:
        if file is not None:
            raise UserError('model.components_file: give model.components, their number, as well')
        return nn.Identity()
    embedding_map = PrincipalComponents(channels, components)
    if file is not None:
        embedding_map.load(file)
    return embedding_map


def _stages(backbone: DynamicBackbone, named: list[int], num_maps: int) -> dict[int, int]:
    """The stages of a backbone, from 0, by the head's names for them.

    Raises:
        UserError: If one does not exist, its map has one position, or the teacher has no map.
    """
    number = len(backbone.active_path.stages)
    if wrong := [stage for stage in named if not -number <= stage < number]:
        raise UserError(
            f'model.head.losses: stages {wrong} are not among 0 to {number - 1} of the backbone'
        )
    if named and not num_maps:
        raise UserError(
            'model.head.losses: dense distances need feature maps, which the teacher does not '
            'give; leave them out or use a teacher with maps'
        )
    return {stage: stage % number for stage in named}


@torch.no_grad()
def _check_neck(neck: nn.Module, backbone: DynamicBackbone, width: int) -> None:
    """Check that a neck's embeddings have the channels of the teacher's.

    Raises:
        UserError: If they do not.
    """
    *_, last = backbone.output_shapes()
    training = neck.training
    embedding = neck.eval()((torch.zeros(2, last.channels, 2, 2),))[0]
    neck.train(training)
    if embedding.shape != (2, width):
        raise UserError(
            f'model.neck: its embeddings have {embedding.size(1)} channels and the mapped '
            f'embeddings of the teacher {width}; give out_channels={width} or other components'
        )


def _starting_layer(neck: nn.Module, components: int | None, channels: int) -> nn.Linear:
    """The only layer of a neck, which can start as the map to a teacher's components.

    Raises:
        UserError: If there are no components, or the neck has other layers or sizes.
    """
    layers = [m for m in neck.modules() if next(m.parameters(recurse=False), None) is not None]
    first = layers[0] if len(layers) == 1 else None
    if isinstance(first, nn.Linear) and first.bias is not None:
        if first.weight.shape == (components, channels):
            return first
    raise UserError(
        f'model.start_as_map: the neck is not one linear layer from the {channels} channels of the '
        'teacher to model.components; give a mmpretrain.LinearNeck with gap_dim=2 and norm_cfg=None'
    )
