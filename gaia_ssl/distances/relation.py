"""Relations between all images of a set, of subnet and teacher."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import DISTANCES

from .base import Option, check_temperature
from .embedding import log_relations
from .whole_set import FeatureScore

# rows of the relations that are there at a time
_ROWS = 1024


class _Teacher(NamedTuple):
    """The teacher's unit vectors, (N, D), and the mean entropy of its relations."""

    unit: Tensor
    entropy: float


class _SetRelation(FeatureScore):
    """KL(p_i || q_i), mean over the images i of a whole set, as DATA's code has it.

    p_i is the softmax over the images j of <t_i, t_j> / T, unit embeddings of the teacher; q_i is
    that of the subnet, with its own embeddings or the teacher's in the place of t_j. Unlike
    ``global_relation``, all images of the set are related, an image also to itself.

    Args:
        temperature: T. Defaults to 0.2, as in DATA.
    """

    task = 'global'
    reads = 'embedding'
    options = dict(temperature=Option(float, 'temperature of the softmax; default: 0.2'))
    own_keys: ClassVar[bool]

    def __init__(self, temperature: float = 0.2) -> None:
        self.temperature = check_temperature(temperature)

    def prepare(self, targets: Iterable[Tensor]) -> _Teacher:
        """The teacher's unit vectors and entropy."""
        unit = F.normalize(super().prepare(targets), dim=1)
        return _Teacher(unit, self._cross_entropy(unit, unit, unit))

    def compare(self, features: Tensor, prepared: _Teacher, eps: float) -> float:
        """(N, D) -> a number."""
        unit = F.normalize(features, dim=1)
        keys = unit if self.own_keys else prepared.unit
        return max(0.0, self._cross_entropy(unit, keys, prepared.unit) - prepared.entropy)

    def _cross_entropy(self, queries: Tensor, keys: Tensor, teacher: Tensor) -> float:
        total = 0.0
        for own, other in zip(queries.split(_ROWS), teacher.split(_ROWS)):
            p = log_relations(other, teacher, self.temperature).exp()
            q = log_relations(own, keys, self.temperature)
            total -= (p * q).sum().item()
        return total / len(queries)


@DISTANCES.register_module(name='global_relation_qq')
class RelationQQ(_SetRelation):
    """The relations of a subnet's embeddings to its own, see ``_SetRelation``."""

    own_keys = True


@DISTANCES.register_module(name='global_relation_qk')
class RelationQK(_SetRelation):
    """The relations of a subnet's embeddings to the teacher's, see ``_SetRelation``."""

    own_keys = False
