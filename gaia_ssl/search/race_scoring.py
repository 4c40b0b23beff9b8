"""Score archs in a race: all of them on a few images, those that can still win on more."""

from typing import NamedTuple

import numpy as np
import torch
from mmengine.dist import barrier, get_dist_info

from gaia_ssl.space import Arch

from .blocks import make_blocks
from .evaluator import Targets, TreeEvaluator
from .groups import plan_batches
from .racing import Race, TreeCosts, rungs_of, separation
from .scoring import Plan, Scores, Scoring
from .settings import STATISTICS, Limits
from .store import Round, Store


class _Rung(NamedTuple):
    """A step of a race.

    Attributes:
        archs: The archs that take part, by their indices; those that are no candidates come last.
        evaluators: Of blocks of these.
        blocks: The places of each block's archs in ``archs``.
        groups: The groups of images.
        costs: The costs of their tree.
    """

    archs: list[int]
    evaluators: list[TreeEvaluator]
    blocks: list[list[int]]
    groups: list[int]
    costs: TreeCosts


class RaceScoring(Scoring):
    """Scores by distances, of all images for the best archs alone.

    Every step of the race has its own folder of scores, a file for each block of archs on each
    group of images; processes share these. The decisions follow from the files, so that a stopped
    race is resumed and the number of processes changes nothing.

    Args:
        args: See ``Scoring``.
        race: The settings of the race.
    """

    def __init__(self, *args, race: Race) -> None:
        super().__init__(*args)
        self.race = race

    def plan(self, archs: list[Arch], extra: int, limits: Limits) -> Plan:
        """See the base class."""
        evaluator = self._evaluator(archs)
        batches = plan_batches(self.images.sizes(), evaluator.need, 1, limits.memory)
        return Plan(archs, extra, evaluator, [batches])

    def score(self, store: Store, number: int, plan: Plan) -> Scores:
        """See the base class."""
        weights = np.array([term.weight for term in self.terms])
        sizes, total = self.images.sizes(), len(self.images)
        rungs = rungs_of(sizes, self.settings.seed, self.race.mode)
        candidates = len(plan.archs) - plan.extra
        alive = np.arange(candidates)
        others = list(range(candidates, len(plan.archs)))
        # of each arch that is left, and of the others, the terms on each image so far
        seen = np.empty((len(plan.archs), 0, len(self.terms)))
        values = np.empty((len(plan.archs), len(self.terms)))
        images = np.zeros(len(plan.archs), int)
        steps: list[dict[str, int]] = []
        spent = whole = 0
        for index, groups in enumerate(rungs):
            rung = self._rung(plan, [*alive.tolist(), *others], groups)
            found = self.read(store, number + index, rung, plan.batches[0].room)
            seen = np.concatenate([seen, found], 1)
            values[rung.archs] = seen.mean(1)
            images[rung.archs] = seen.shape[1]
            spent += rung.costs.total * sum(sizes[group] for group in groups)
            whole = whole or rung.costs.total * total
            steps.append(dict(images=int(seen.shape[1]), archs=len(alive)))
            distances = seen[: len(alive)] @ weights
            if index + 1 < len(rungs):
                decisions = candidates * (len(rungs) - 1)
                kept = self.race.survivors(distances, rung.costs, total, decisions)
                rows = [*kept.tolist(), *range(len(alive), len(rung.archs))]
                alive, seen = alive[kept], seen[rows]
        facts = dict(steps=steps, share=spent / whole)
        facts |= separation(distances, self.race.top)._asdict()
        return Scores(values, images, dict(race_result=facts))

    def _evaluator(self, archs: list[Arch]) -> TreeEvaluator:
        return self.evaluator(archs, self.terms, STATISTICS[self.settings.bn_policy])

    def _rung(self, plan: Plan, archs: list[int], groups: list[int]) -> _Rung:
        # while all take part, their tree is there
        evaluator = plan.evaluator
        if len(archs) < len(plan.archs):
            evaluator = self._evaluator([plan.archs[index] for index in archs])
        tree = evaluator.tree
        blocks = make_blocks(tree, 1)
        evaluators = [
            self._evaluator([plan.archs[archs[place]] for place in block]) for block in blocks
        ]
        return _Rung(archs, evaluators, blocks, groups, TreeCosts(tree, len(archs)))

    def read(self, store: Store, number: int, rung: _Rung, room: float) -> np.ndarray:
        """The terms of the archs of a step on each of its images, (archs, images, terms)."""
        sizes = [len(self.images.groups[group]) for group in rung.groups]
        shape = (len(rung.archs), len(self.terms))
        part = store.round(number, len(rung.groups) * len(rung.blocks), shape)
        self._fill(part, rung, room)
        found = np.empty((len(rung.archs), sum(sizes), len(self.terms)))
        start = 0
        for place, size in enumerate(sizes):
            for block, rows in enumerate(rung.blocks):
                values = part.read(place * len(rung.blocks) + block)
                found[rows, start : start + size] = values
            start += size
        return found

    def _fill(self, part: Round, rung: _Rung, room: float) -> None:
        """Compute what lacks of a step, in all processes together."""
        rank, world = get_dist_info()
        number = len(rung.blocks)
        pending = [i for i in range(len(rung.groups) * number) if not part.done(i)]
        # everyone must have looked before anyone writes
        barrier()
        mine: dict[int, list[int]] = {}  # blocks by the place of their group
        for index in pending[rank::world]:
            mine.setdefault(index // number, []).append(index % number)
        batches = [range(rung.groups[place], rung.groups[place] + 1) for place in mine]
        for (place, blocks), images in zip(mine.items(), self.loader(batches)):
            targets: Targets | None = None
            for block in blocks:
                evaluator = rung.evaluators[block]
                targets = targets or evaluator.targets(images, [len(images)])
                shape = (evaluator.num_candidates, len(images), len(self.terms))
                values = torch.empty(shape, dtype=torch.float64, device=images.device)
                for archs, reading in evaluator.read(images, [len(images)], targets, room):
                    values[archs] = reading.distances
                scores = values.cpu().numpy()
                self.check_finite(scores)
                part.write(place * number + block, scores)
        barrier()
