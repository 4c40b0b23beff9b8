"""The terms of a search's score: one distance, or a weighted sum of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gaia_ssl.distances import (
    DEFAULTS,
    TASKS,
    Distance,
    LabelScore,
    Score,
    WholeSetScore,
    build_distance,
    registered_name,
    short_name,
)
from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.registry import DISTANCES
from gaia_ssl.space import SearchSpace
from gaia_ssl.space.families import Shape, Size
from gaia_ssl.utils import UserError

from .tree import Tap


@dataclass(frozen=True)
class Term:
    """One score of a weighted sum.

    Attributes:
        name: Its registered name.
        score: The distance, or score of the whole set.
        stages: The stages, from 0, whose feature maps it reads; it is the mean over them. A
            global one has the last stage, which the neck reads.
        weight: Its weight in the sum.
        options: What it was built with.
    """

    name: str
    score: Score
    stages: tuple[int, ...]
    weight: float
    options: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that identifies the term."""
        return dict(type=self.name, **self.options, weight=self.weight, stages=list(self.stages))


def build_terms(
    task: str,
    distance: str | dict[str, float] | None,
    stages: Sequence[int] | None,
    num_stages: int,
    options: dict[str, Any] | None = None,
) -> list[Term]:
    """Build the terms of a search.

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
    if not any(weights.values()):
        raise UserError('distance: all weights are 0; give one above 0')
    terms = []
    for name, weight in weights.items():
        if not 0 <= weight < float('inf'):
            raise UserError(f'distance: {name} has weight {weight}; weights are 0 or more')
        registered = name if name in DISTANCES.module_dict else registered_name(task, name)
        cls = DISTANCES.get(registered)
        own = {key: value for key, value in (options or {}).items() if key in cls.options}
        built = build_distance(cls.task, short_name(registered), **own)
        read = tuple(chosen) if cls.task == 'dense' else (num_stages - 1,)
        terms.append(Term(registered, built, read, float(weight), own))
    if stages is not None and not dense_stages(terms):
        raise UserError('stages: only dense distances compare stages; leave them out')
    for option in options or {}:
        if not any(option in term.options for term in terms):
            raise UserError(f'{option}: {describe(terms, task)} takes no such option; leave it out')
    return terms


def whole_set(terms: Sequence[Term]) -> bool:
    """Tell if a term scores a whole set of images."""
    return any(isinstance(term.score, WholeSetScore) for term in terms)


def of_labels(terms: Sequence[Term]) -> list[int]:
    """The indices of the terms that score by labels."""
    return [index for index, term in enumerate(terms) if isinstance(term.score, LabelScore)]


def dense_stages(terms: Sequence[Term]) -> list[int]:
    """The stages that dense distances compare, in rising order."""
    return sorted({s for term in terms if term.score.task == 'dense' for s in term.stages})


def map_stages(terms: Sequence[Term]) -> list[int]:
    """The stages whose feature maps distances read, in rising order."""
    return sorted({s for term in terms if term.score.reads == 'map' for s in term.stages})


def check_images(terms: Sequence[Term], number: int, least: int) -> None:
    """Check that there are enough images.

    Args:
        terms: The terms.
        number: The number of images.
        least: Images of the smallest batch-norm group.

    Raises:
        UserError: If a distance needs a larger group, or a score of the whole set more images.
    """
    for term in terms:
        score = term.score
        if isinstance(score, Distance) and least < score.least_group:
            raise UserError(
                f'distance: {term.name} needs groups of {score.least_group} images or more '
                f'and the smallest has {least}; give more images or a larger bn_group'
            )
        if isinstance(score, WholeSetScore) and number < score.least_images:
            raise UserError(
                f'distance: {term.name} needs {score.least_images} images or more, and there are '
                f'{number}; give more images'
            )


def check_teacher(terms: Sequence[Term], teacher: Encoder | FrozenEncoder) -> None:
    """Check that a teacher gives the feature maps that the terms read.

    Raises:
        UserError: If a frozen one gives none.
    """
    if isinstance(teacher, FrozenEncoder) and map_stages(terms) and not teacher.num_maps:
        raise UserError(
            "distance: the supernet's frozen teacher gives no feature maps; search by distances "
            'of embeddings, such as global cosine'
        )


def check_maps(terms: Sequence[Term], space: SearchSpace, size: Size) -> None:
    """Check that the maps of dense terms have more than one position.

    Raises:
        UserError: If a map is 1x1.
    """
    shapes = space.family.output_shapes(space.max, size)
    for stage in dense_stages(terms):
        if shapes[stage].size == (1, 1):
            raise UserError(
                f'stages: the maps of stage {stage} are 1x1 at {size[0]} px, and a dense '
                'distance compares positions; choose earlier stages or a larger input_size'
            )


def teacher_shapes(teacher: Encoder | FrozenEncoder, space: SearchSpace, size: Size) -> list[Shape]:
    """The shapes of the teacher's maps, by stage of the space.

    Args:
        teacher: The teacher, at MAX if it is a supernet.
        space: The space.
        size: Height and width of the images in pixels.
    """
    shapes = space.family.output_shapes(space.max, size)
    if not isinstance(teacher, FrozenEncoder):
        return shapes
    return [shape._replace(channels=teacher.channels(stage)) for stage, shape in enumerate(shapes)]


def target_bytes(terms: Sequence[Term], shapes: Sequence[Shape]) -> int:
    """Bytes of the teacher's targets of one image, over all terms and stages.

    Args:
        terms: The terms.
        shapes: The shapes of the teacher's maps, by stage.
    """
    return sum(
        term.score.target_bytes(shapes[stage].channels, shapes[stage].size)
        for term in terms
        for stage in term.stages
    )


def working_bytes(terms: Sequence[Term], tap: Tap, channels: int, size: Size) -> int:
    """Bytes that the distances of a tap's map work on for one image, see ``build_tree``."""
    reading = (term.score for term in terms if tap.stage in term.stages)
    return sum(score.working_bytes(channels, size) for score in reading)


def describe(terms: Sequence[Term], task: str) -> str:
    """The terms in words: ``cosine``, or ``relation + 0.5 pooled_rank``."""
    words = []
    for term in terms:
        name = short_name(term.name) if term.score.task == task else term.name
        words.append(name if term.weight == 1 else f'{term.weight:g} {name}')
    return ' + '.join(words)
