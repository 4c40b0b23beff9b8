"""Score candidates on a whole set of images: in blocks, each on all images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_ssl.distances import WholeSetScore
from gaia_ssl.space.families import Shape

from .evaluator import Kept, Reading, Targets, TreeEvaluator
from .groups import ROOM
from .terms import Term
from .tree import Node

MOST = 256
"""Most candidates of a block: they share fewer steps than all do, some percent with this many."""


def whole_set_terms(terms: Sequence[Term]) -> list[int]:
    """The indices of the terms that score a whole set."""
    return [i for i, term in enumerate(terms) if isinstance(term.score, WholeSetScore)]


def candidate_bytes(
    terms: Sequence[Term], images: int, shapes: Sequence[Shape], teacher: Sequence[Shape]
) -> int:
    """Bytes that scores of a whole set keep of a candidate, at most.

    Args:
        terms: The terms.
        images: The number of images.
        shapes: The shapes of MAX's maps, by stage.
        teacher: The shapes of the teacher's maps.
    """
    return sum(
        term.score.kept_bytes(images, shapes[stage].channels, teacher[stage].channels)
        for term in terms
        if isinstance(term.score, WholeSetScore)
        for stage in term.stages
    )


def make_blocks(tree: Node, nbytes: int) -> list[list[int]]:
    """Divide candidates into blocks that share as many steps as possible.

    Args:
        tree: The tree of all candidates.
        nbytes: Bytes that are kept of a candidate.

    Returns:
        The candidates of each block. It depends on nothing but the arguments.
    """
    size = max(1, min(MOST, ROOM // max(1, nbytes)))
    order = list(_along(tree))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _along(node: Node) -> Iterator[int]:
    """The candidates in the order of the tree."""
    yield from node.candidates
    for child in node.children.values():
        yield from _along(child)


class BlockScorer:
    """Scores blocks of candidates on all images, which are read once for each block.

    The teacher's targets are kept, if they fit into ``ROOM`` bytes.

    Args:
        terms: The terms.
        evaluator_of: Makes the evaluator of candidates.
        batches: The batches of images, by the numbers of their groups.
        load: Loads the images of batches, each (N, C, H, W).
        sizes_of: The sizes of a batch's groups.
        room: See ``TreeEvaluator``.
        nbytes: Bytes of all targets.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        evaluator_of: Callable[[Sequence[int]], TreeEvaluator],
        batches: Sequence[range],
        load: Callable[[Sequence[range]], Iterable[Tensor]],
        sizes_of: Callable[[range], list[int]],
        room: float,
        nbytes: int,
    ) -> None:
        self.terms, self.evaluator_of = terms, evaluator_of
        self.batches, self.load, self.sizes_of = batches, load, sizes_of
        self.room, self.keeps = room, nbytes <= ROOM
        self._targets: dict[range, Targets] = {}
        self._prepared: dict[tuple[int, int], Any] = {}

    @torch.inference_mode()
    def __call__(
        self, block: Sequence[int], report: Callable[[int], None] = lambda scored: None
    ) -> np.ndarray:
        """Score a block.

        Args:
            block: The candidates.
            report: Called with the number of candidates each time that some are done on a batch.

        Returns:
            The mean of each distance and each score of the whole set: (candidates, terms).
        """
        evaluator = self.evaluator_of(block)
        if not self._prepared:
            self._prepared = self._prepare(evaluator)
        found: dict[int, _Sum] = {}
        alike: dict[int, list[int]] = {}
        for images, sizes, targets in self._pass(evaluator):
            for candidates, reading in evaluator.read(images, sizes, targets, self.room):
                first = candidates[0]
                alike[first] = candidates
                found.setdefault(first, _Sum(self.terms)).add(reading)
                report(len(candidates))
        number = sum(sum(self.sizes_of(batch)) for batch in self.batches)
        scores = np.empty((len(block), len(self.terms)))
        for first, candidates in alike.items():
            scores[candidates] = found[first].scores(number, self._prepared)
        return scores

    def _pass(self, evaluator: TreeEvaluator) -> Iterator[tuple[Tensor, list[int], Targets]]:
        """Images, sizes of groups and targets, batch by batch."""
        for batch, images in zip(self.batches, self.load(self.batches), strict=True):
            sizes = self.sizes_of(batch)
            targets = self._targets.get(batch)
            if targets is None:
                targets = evaluator.targets(images, sizes)
                if self.keeps:
                    self._targets[batch] = targets
            yield images, sizes, targets

    def _prepare(self, evaluator: TreeEvaluator) -> dict[tuple[int, int], Any]:
        """Prepare each score of the whole set, by its index and stage."""
        prepared = {}
        for index in whole_set_terms(self.terms):
            score = self.terms[index].score
            assert isinstance(score, WholeSetScore)
            for stage in self.terms[index].stages:
                reading = [i for i, term in enumerate(self.terms) if stage in term.stages]
                targets = (t[stage][reading.index(index)] for t in self._all_targets(evaluator))
                prepared[index, stage] = score.prepare(part for parts in targets for part in parts)
        return prepared

    def _all_targets(self, evaluator: TreeEvaluator) -> Iterable[Targets]:
        """The targets of all batches."""
        if len(self._targets) == len(self.batches):
            return [self._targets[batch] for batch in self.batches]
        return (targets for _, _, targets in self._pass(evaluator))


class _Sum:
    """What was read off a candidate on the batches so far."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = terms
        self.sums: Tensor | None = None
        self.kept: Kept = {}

    def add(self, reading: Reading) -> None:
        """Add the groups of a batch, in their order."""
        for row in reading.sums:
            self.sums = row if self.sums is None else self.sums + row
        for key, parts in reading.kept.items():
            score = self.terms[key[0]].score
            assert isinstance(score, WholeSetScore)
            self.kept[key] = [score.merge([*self.kept.get(key, []), *parts])]

    def scores(self, images: int, prepared: dict[tuple[int, int], Any]) -> np.ndarray:
        """The scores on all images, (terms,)."""
        assert self.sums is not None
        means = self.sums.cpu().numpy() / images
        for (index, stage), [kept] in self.kept.items():
            term = self.terms[index]
            assert isinstance(term.score, WholeSetScore)
            own = term.score.score(kept, prepared[index, stage])
            means[index] += own / len(term.stages)
        return means
