"""Head of distillation: its losses are the distances to the teacher that searches use, too."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from mmengine.model import BaseModule
from torch import Tensor

from gaia_ssl.distances import Distance, build_distance, short_name
from gaia_ssl.registry import DISTANCES, MODELS
from gaia_ssl.utils import UserError


class _Term(NamedTuple):
    """A distance, its weight, and the stages whose maps it reads (the last one if empty)."""

    distance: Distance
    weight: float
    stages: tuple[int, ...]


@MODELS.register_module()
class DistanceHead(BaseModule):
    """A weighted sum of registered distances between the features of a subnet and of a teacher.

    A search by the same distances and the same teacher (``teacher='training'``) ranks subnets by
    what they were trained for.

    Args:
        losses: By registered name of a distance, such as ``global_cosine`` or ``dense_kl``, its
            ``weight`` (default 1), for a dense one the ``stages`` it compares, from 0 (default:
            the last), and its own options.
        init_cfg: Initialisation, MMEngine style.

    Attributes:
        stages: The stages that dense distances compare, in rising order; negative ones count from
            the last.
        reads_embedding: Whether a distance compares embeddings.
        takes_queue: Whether a distance relates images to those of a queue.

    Raises:
        UserError: If there is no loss, or a distance, an option or a weight is invalid.
    """

    def __init__(self, losses: dict[str, dict], init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if not isinstance(losses, Mapping) or not losses:
            raise UserError(
                'model.head.losses: it names no distance; give dict(global_cosine=dict(weight=1.0))'
            )
        self.terms = {name: _build_term(name, options) for name, options in losses.items()}
        terms = self.terms.values()
        self.stages = sorted({stage for term in terms for stage in term.stages})
        self.reads_embedding = any(term.distance.reads == 'embedding' for term in terms)
        self.takes_queue = any(term.distance.takes_queue for term in terms)

    def targets(
        self, embedding: Tensor, maps: dict[int, Tensor], queue: Tensor | None = None
    ) -> dict[str, list[Tensor]]:
        """Compute what the subnets are compared with, from the teacher's features.

        Args:
            embedding: (N, D).
            maps: By stage, (N, C, H, W).
            queue: Unit vectors that images are related to, (D, K). Defaults to the other images.

        Returns:
            By distance, the target of each feature that it reads.
        """
        return {
            name: [term.distance.target(x, *_relating(term, queue)) for x in features]
            for name, term, features in self._read(embedding, maps)
        }

    def loss(
        self,
        embedding: Tensor,
        maps: dict[int, Tensor],
        targets: dict[str, list[Tensor]],
        queue: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute the weighted distances of a subnet's features, means over images and stages.

        Args:
            embedding: The subnet's, (N, D).
            maps: The subnet's by stage, (N, C, H, W).
            targets: The return value of ``targets``.
            queue: The same as for ``targets``.
        """
        losses = {}
        for name, term, features in self._read(embedding, maps):
            pairs = zip(features, targets[name], strict=True)
            distances = [term.distance(x, t, *_relating(term, queue)).mean() for x, t in pairs]
            losses[f'loss_{name}'] = term.weight * torch.stack(distances).mean()
        return losses

    def _read(self, embedding: Tensor, maps: dict[int, Tensor]) -> list:
        """The features that each distance reads."""
        return [
            (name, term, [maps[stage] for stage in term.stages] or [embedding])
            for name, term in self.terms.items()
        ]


def _relating(term: _Term, queue: Tensor | None) -> tuple[Tensor, ...]:
    """The further argument of a distance that relates images to a queue."""
    return (queue,) if queue is not None and term.distance.takes_queue else ()


def _is_list_of_stages(value: Any) -> bool:
    if not isinstance(value, Sequence) or not value:
        return False
    return all(isinstance(stage, int) for stage in value)


def _build_term(name: str, options: dict[str, Any]) -> _Term:
    field = f'model.head.losses.{name}'
    cls = DISTANCES.get(name)
    if cls is None or not issubclass(cls, Distance):
        known = (key for key, kind in DISTANCES.module_dict.items() if issubclass(kind, Distance))
        raise UserError(
            f'{field}: there is no such distance for training; choose from {", ".join(known)}'
        )
    own = dict(options)
    weight, stages = own.pop('weight', 1.0), own.pop('stages', None)
    if not isinstance(weight, int | float) or not 0 < weight < float('inf'):
        raise UserError(f'{field}.weight: {weight!r} is not a positive number')
    if stages is not None and cls.task != 'dense':
        raise UserError(f'{field}.stages: only dense distances compare stages; leave it out')
    if stages is not None and not _is_list_of_stages(stages):
        raise UserError(f'{field}.stages: {stages!r} is not a list of stages; give e.g. [2, 3]')
    read = () if cls.reads == 'embedding' else tuple(stages or (-1,))
    distance = cast(Distance, build_distance(cls.task, short_name(name), **own))
    return _Term(distance, float(weight), read)
