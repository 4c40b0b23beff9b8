"""What a search measures: one distance, or a weighted sum of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gaia_ssl.registry import DISTANCES
from gaia_ssl.space import SearchSpace
from gaia_ssl.space.families import Size
from gaia_ssl.utils import UserError

from .distances import DEFAULTS, TASKS, Distance, build_distance, options_of


@dataclass(frozen=True)
class Term:
    """One distance of a weighted sum.

    Attributes:
        name: The name it is registered under.
        distance: The distance.
        stages: The stages, from 0, whose feature maps it reads; it is the mean over them. Of one
            that reads embeddings the last stage, which the neck reads.
        weight: Its weight in the sum.
        options: What the distance was built with.
    """

    name: str
    distance: Distance
    stages: tuple[int, ...]
    weight: float
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """What identifies it, as plain data."""
        return dict(type=self.name, **self.options, weight=self.weight, stages=list(self.stages))


def build_terms(
    task: str,
    distance: str | dict[str, float] | None,
    stages: Sequence[int] | None,
    num_stages: int,
    options: dict[str, Any] | None = None,
) -> list[Term]:
    """The terms that a search is told to measure.

    Args:
        task: ``'global'`` or ``'dense'``.
        distance: A distance's name, or several and their weights; ``<task>_<name>`` for one of
            the other task. Defaults to the task's own.
        stages: Stages that dense distances compare. Defaults to the last one.
        num_stages: The number of stages there are.
        options: Options of the distances, such as ``grid``; each takes those that it has.
            Defaults to none.

    Raises:
        UserError: If the task or a distance is unknown, a weight is not positive, the stages do
            not exist or compare with nothing, or no distance has an option.
    """
    if task not in TASKS:
        raise UserError(f'task: {task!r} is not one of {", ".join(TASKS)}')
    weights = distance or DEFAULTS[task]
    weights = {weights: 1.0} if isinstance(weights, str) else dict(weights)
    chosen = sorted({num_stages - 1} if stages is None else set(stages))
    if not chosen or chosen[0] < 0 or chosen[-1] >= num_stages:
        raise UserError(f'stages: {chosen} are not among 0 to {num_stages - 1}')
    terms = []
    for name, weight in weights.items():
        if not 0 < weight < float('inf'):
            raise UserError(f'distance: {name} has weight {weight}; weights are positive numbers')
        full = name if name in DISTANCES.module_dict else f'{task}_{name}'
        owner = full.partition('_')[0] if full in DISTANCES.module_dict else task
        plain = full.removeprefix(f'{owner}_')
        takes = options_of(full) if full in DISTANCES.module_dict else ()
        own = {key: value for key, value in (options or {}).items() if key in takes}
        built = build_distance(owner, plain, **own)
        read = tuple(chosen) if owner == 'dense' else (num_stages - 1,)
        terms.append(Term(full, built, read, float(weight), own))
    if stages is not None and not any(term.name.startswith('dense_') for term in terms):
        raise UserError('stages: only dense distances compare stages; leave them out')
    for option in options or {}:
        if not any(option in term.options for term in terms):
            raise UserError(f'{option}: {describe(terms, task)} takes no such option; leave it out')
    return terms


def check_groups(terms: Sequence[Term], least: int) -> None:
    """Check that the smallest batch-norm group, of ``least`` images, does for every term.

    Raises:
        UserError: If it does not.
    """
    for term in terms:
        if least < term.distance.least_group:
            raise UserError(
                f'distance: {term.name} needs groups of {term.distance.least_group} images or more '
                f'and the smallest has {least}; give more images or a larger --bn-group'
            )


def check_maps(terms: Sequence[Term], space: SearchSpace, size: Size) -> None:
    """Check that the maps which dense terms compare have positions to compare.

    Raises:
        UserError: If a map is 1x1.
    """
    stages = sorted({s for term in terms if term.name.startswith('dense_') for s in term.stages})
    shapes = space.family.output_shapes(space.max, size)
    for stage in stages:
        if shapes[stage].size == (1, 1):
            raise UserError(
                f'stages: the maps of stage {stage} are 1x1 at {size[0]} px, and a dense '
                'distance compares positions; choose earlier --stages or a larger --input-size'
            )


def describe(terms: Sequence[Term], task: str) -> str:
    """The terms in words: ``cosine``, or ``relation + 0.5 pooled_rank``."""
    return ' + '.join(
        ('' if term.weight == 1 else f'{term.weight:g} ') + term.name.removeprefix(f'{task}_')
        for term in terms
    )
