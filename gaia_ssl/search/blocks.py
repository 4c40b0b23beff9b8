"""Score candidates on a whole set of images: in blocks, each on all images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from mmengine.dist import barrier, get_dist_info
from torch import Tensor

from gaia_ssl.datasets.label_map_set import LabelMapSet
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.distances import WholeSetScore
from gaia_ssl.space import Arch

from .batchnorm import group_statistics, own_statistics
from .evaluator import Kept, Reading, Targets, TreeEvaluator, group_sums
from .groups import ROOM, Batches, plan_batches, plan_shares
from .loading import BatchLoader
from .progress import Progress
from .scoring import Plan, Scores, Scoring
from .search_images import SearchImages
from .settings import Limits
from .store import Store
from .terms import Term, of_labels, target_bytes, teacher_shapes
from .tree import Node

LEAST, MOST = 64, 256
"""Candidates of a block: each block computes the beginning of one path more than all together."""
SHARES = 8
"""Blocks for so many processes, where that leaves ``LEAST`` candidates in each."""


def make_blocks(tree: Node, nbytes: int) -> list[list[int]]:
    """Divide candidates into blocks that share as many steps as possible.

    Args:
        tree: The tree of all candidates.
        nbytes: Bytes that are kept of a candidate.

    Returns:
        The candidates of each block. Processes share them but do not decide their number, so that
        the result does not depend on how many there are.
    """
    order = list(_along(tree))
    size = max(LEAST, min(MOST, -(-len(order) // SHARES)))
    size = max(1, min(size, ROOM // max(1, nbytes)))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _along(node: Node) -> Iterator[int]:
    """The candidates in the order of the tree."""
    yield from node.candidates
    for child in node.children.values():
        yield from _along(child)


class BlockScorer:
    """Scores blocks of candidates on all images, which are read once for each block.

    The targets are kept, if they fit into ``ROOM`` bytes.

    Args:
        terms: The terms.
        images: The images, in groups.
        batches: How many of the groups run at once.
        load: Loads the images of batches, each (N, C, H, W).
        nbytes: Bytes of the targets of an image.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        images: SearchImages,
        batches: Batches,
        load: Callable[[Sequence[range]], Iterable[Tensor]],
        nbytes: int,
    ) -> None:
        self.terms, self.images, self.load = terms, images, load
        self.batches, self.room = batches.batches, batches.room
        self.keeps = nbytes * len(images) <= ROOM
        self._targets: dict[range, Targets] = {}
        self._prepared: dict[tuple[int, int], Any] = {}

    @torch.inference_mode()
    def __call__(
        self, evaluator: TreeEvaluator, report: Callable[[int], None] = lambda scored: None
    ) -> np.ndarray:
        """Score a block.

        Args:
            evaluator: That of the block's candidates.
            report: Called with the number of candidates each time that some are done on a batch.

        Returns:
            The mean of each distance and each score of the whole set: (candidates, terms).
        """
        if not self._prepared:
            self._prepared = self._prepare(evaluator)
        found: dict[int, _Sum] = {}
        alike: dict[int, list[int]] = {}
        for images, sizes, targets in self._pass(evaluator):
            for candidates, reading in evaluator.read(images, sizes, targets, self.room):
                first = candidates[0]
                alike[first] = candidates
                found.setdefault(first, _Sum(self.terms)).add(reading, sizes)
                report(len(candidates))
        scores = np.empty((evaluator.num_candidates, len(self.terms)))
        for first, candidates in alike.items():
            scores[candidates] = found[first].scores(len(self.images), self._prepared)
        return scores

    def targets(self, evaluator: TreeEvaluator, images: Tensor, batch: range) -> Targets:
        """The teacher's targets of a batch."""
        return evaluator.targets(images, self.images.sizes(batch))

    def _pass(self, evaluator: TreeEvaluator) -> Iterator[tuple[Tensor, list[int], Targets]]:
        """Images, sizes of groups and targets, batch by batch."""
        for batch, images in zip(self.batches, self.load(self.batches), strict=True):
            sizes = self.images.sizes(batch)
            targets = self._targets.get(batch)
            if targets is None:
                targets = self.targets(evaluator, images, batch)
                if self.keeps:
                    self._targets[batch] = targets
            yield images, sizes, targets

    def _prepare(self, evaluator: TreeEvaluator) -> dict[tuple[int, int], Any]:
        """Prepare each score of the whole set, by its index and stage."""
        prepared = {}
        for index, term in enumerate(self.terms):
            score = term.score
            if not isinstance(score, WholeSetScore):
                continue
            for stage in term.stages:
                reading = [i for i, other in enumerate(self.terms) if stage in other.stages]
                targets = (t[stage][reading.index(index)] for t in self._all_targets(evaluator))
                prepared[index, stage] = score.prepare(part for parts in targets for part in parts)
        return prepared

    def _all_targets(self, evaluator: TreeEvaluator) -> Iterable[Targets]:
        """The targets of all batches."""
        if len(self._targets) == len(self.batches):
            return [self._targets[batch] for batch in self.batches]
        return (targets for _, _, targets in self._pass(evaluator))


class LabelBlockScorer(BlockScorer):
    """Scores blocks of candidates by labels, which are the targets of labeled images."""

    def targets(self, evaluator: TreeEvaluator, images: Tensor, batch: range) -> Targets:
        """The labels of a batch's images, for every term at its stages."""
        labeled = cast(LabeledImageSet | LabelMapSet, self.images.images)
        groups = [self.images.groups[number] for number in batch]
        labels = [
            torch.stack([labeled.target(i) for i in group]).to(images.device) for group in groups
        ]
        return {
            stage: [labels for term in self.terms if stage in term.stages]
            for stage in {stage for term in self.terms for stage in term.stages}
        }


class _Source(NamedTuple):
    """Images that candidates are scored on.

    Attributes:
        terms: The terms that read them, by their indices.
        images: The images.
        loader: Loads them.
        scorer: The class that scores blocks on them.
    """

    terms: list[int]
    images: SearchImages
    loader: BatchLoader
    scorer: type[BlockScorer]


class BlockScoring(Scoring):
    """Scores by terms of which one needs all images: processes share the candidates.

    Args:
        args: See ``Scoring``.
        labeled: Labeled images, for terms by labels. Defaults to none.
    """

    def __init__(self, *args, labeled: SearchImages | None = None) -> None:
        super().__init__(*args)
        by_labels = of_labels(self.terms)
        own = [index for index in range(len(self.terms)) if index not in by_labels]
        self.sources = [_Source(own, self.images, self.loader, BlockScorer)] if own else []
        if labeled is not None:
            loader = BatchLoader(labeled.images, labeled.groups, self.normalise)
            self.sources.append(_Source(by_labels, labeled, loader, LabelBlockScorer))

    def plan(self, archs: list[Arch], extra: int, limits: Limits) -> Plan:
        """See the base class."""
        evaluator = self._evaluator(archs, range(len(self.terms)))
        nbytes = sum(self._candidate_bytes(source) for source in self.sources)
        blocks = make_blocks(evaluator.tree, nbytes)
        memory = limits.memory
        if memory is not None:
            memory -= nbytes * max(map(len, blocks))
        plans = []
        for source in self.sources:
            sizes = source.images.sizes()
            if self.settings.bn_policy == 'calibrated':
                plans.append(plan_shares(sizes, evaluator.need, memory, 1))
            else:
                plans.append(plan_batches(sizes, evaluator.need, limits.micro_batch, memory))
        return Plan(archs, extra, evaluator, plans, blocks)

    def score(self, store: Store, number: int, plan: Plan) -> Scores:
        """See the base class."""
        rank, world = get_dist_info()
        blocks, shape = plan.blocks or [], (len(plan.archs), len(self.terms))
        part = store.round(number, len(blocks), shape, blocks)
        pending = [index for index in range(len(blocks)) if not part.done(index)]
        # everyone must have looked before anyone writes
        barrier()
        mine = pending[rank::world]
        archs = sum(len(blocks[index]) for index in mine)
        passes = archs * sum(len(batches.batches) for batches in plan.batches)
        progress = Progress(passes, f'round {number + 1}: ', quiet=rank != 0)
        scorers = [
            source.scorer(
                [self.terms[index] for index in source.terms],
                source.images,
                batches,
                source.loader,
                self._target_bytes(source),
            )
            for source, batches in zip(self.sources, plan.batches, strict=True)
        ]
        for index in mine:
            scores = np.empty((len(blocks[index]), len(self.terms)))
            for source, scorer in zip(self.sources, scorers, strict=True):
                evaluator = self._evaluator([plan.archs[i] for i in blocks[index]], source.terms)
                scores[:, source.terms] = scorer(evaluator, progress)
            self.check_finite(scores)
            part.write(index, scores)
        barrier()
        return Scores(part.total())

    def _evaluator(self, archs: Sequence[Arch], terms: Sequence[int]) -> TreeEvaluator:
        # all images are in each process
        calibrated = self.settings.bn_policy == 'calibrated'
        statistics = own_statistics if calibrated else group_statistics
        return self.evaluator(archs, [self.terms[index] for index in terms], statistics)

    def _candidate_bytes(self, source: _Source) -> int:
        """Bytes that a source's terms keep of a candidate until it has been scored, at most."""
        space, size = self.model.student[0].space, self.settings.image_shape
        own = space.family.output_shapes(space.max, size)
        teacher = teacher_shapes(self.teacher, space, size)
        total = 0
        for term in (self.terms[index] for index in source.terms):
            if isinstance(term.score, WholeSetScore):
                total += sum(
                    term.score.kept_bytes(
                        len(source.images), own[stage].channels, teacher[stage].channels
                    )
                    for stage in term.stages
                )
        return total

    def _target_bytes(self, source: _Source) -> int:
        """Bytes of the targets of a source's image."""
        space, size = self.model.student[0].space, self.settings.image_shape
        shapes = teacher_shapes(self.teacher, space, size)
        return target_bytes([self.terms[index] for index in source.terms], shapes)


class _Sum:
    """The readings of a candidate on the batches so far."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = terms
        self.sums: Tensor | None = None
        self.kept: Kept = {}

    def add(self, reading: Reading, sizes: Sequence[int]) -> None:
        """Add the groups of a batch, in their order."""
        for row in group_sums(reading.distances, sizes):
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
