"""Decide early which archs can still be among the best: rules of a race.

All archs see the same images in the same order, so that paired differences settle most of a
ranking after few images.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import check_types

from .tree import Node

MODES = ('sure', 'fast')
FIRST = 64
"""Images before anything is dropped."""
GROWTH = dict(sure=1.4, fast=2.0)
"""By how much the images that are seen grow with a step, by mode."""
CUT = 3
"""In mode ``fast``, the share of the tree that stays is one in so many."""
DESIGN_EFFECT = 1.5
"""By how much images of a batch-norm group, which share statistics, inflate the variance of means.

Measured were 1.25 for groups of 64 images and 1.43 for groups of 16.
"""


@dataclass(frozen=True)
class Race:
    """The settings of a race.

    Args:
        mode: ``'sure'`` drops an arch once it is worse than ``top`` others, by a bound that holds
            for all archs and steps together; ``'fast'`` keeps the best that a third of the
            computation affords, without a guarantee.
        top: The number of best archs that are looked for. Defaults to 10.
        delta: In mode ``'sure'``, the probability that one of them is dropped. Defaults to 0.05.

    Raises:
        UserError: If a setting is invalid.
    """

    mode: str
    top: int = 10
    delta: float = 0.05

    def __post_init__(self) -> None:
        check_types(self)
        if self.mode not in MODES:
            raise UserError(f'race: {self.mode!r} is not one of {", ".join(MODES)}')
        if self.top < 1:
            raise UserError(f'top: {self.top} archs; give 1 or more')
        if not 0 < self.delta < 1:
            raise UserError(f'delta: {self.delta} is not a probability between 0 and 1')

    def survivors(
        self, distances: np.ndarray, costs: 'TreeCosts', total: int, decisions: int
    ) -> np.ndarray:
        """Choose the archs that go on.

        Args:
            distances: Of each arch and each image so far, (archs, images).
            costs: The costs of their tree.
            total: The number of images in the end.
            decisions: Archs times steps of the race, which may all go wrong.

        Returns:
            Their indices, in rising order.
        """
        if distances.shape[1] < min(FIRST, total) or len(distances) <= self.top:
            return np.arange(len(distances))
        order = np.argsort(distances.mean(1), kind='stable')
        if self.mode == 'fast':
            return np.sort(order[: costs.affordable(order, costs.total / CUT, 2 * self.top)])
        return self._not_worse(distances, order[: self.top], total, decisions)

    def _not_worse(
        self, distances: np.ndarray, best: np.ndarray, total: int, decisions: int
    ) -> np.ndarray:
        """The archs that are not surely worse than all of the best."""
        images = distances.shape[1]
        difference, deviation = _paired(distances, best)
        # of all images, those that are seen are certain
        unseen = 1 - images / total
        bound = norm.ppf(1 - self.delta / decisions) * math.sqrt(DESIGN_EFFECT * unseen / images)
        worse = (difference > bound * deviation).all(1)
        worse[best] = False
        return np.flatnonzero(~worse)


class Separation(NamedTuple):
    """Separation of the best archs from the others by the images.

    Attributes:
        possible: Archs beside the best that other images might have put among them.
        images: Images that would separate the last of the best from the next arch; None if they
            are equal, or there is none.
    """

    possible: int
    images: int | None


def separation(distances: np.ndarray, top: int, level: float = 0.95) -> Separation:
    """Tell how well images separate the best archs from the others, as a sample of more images.

    Args:
        distances: Of each arch on each image, (archs, images).
        top: The number of best archs.
        level: Confidence, of each comparison alone. Defaults to 0.95.
    """
    order = np.argsort(distances.mean(1), kind='stable')
    if len(order) <= top:
        return Separation(0, None)
    difference, deviation = _paired(distances, order[top - 1 : top])
    z = norm.ppf(level)
    bound = z * deviation * math.sqrt(DESIGN_EFFECT / distances.shape[1])
    others = order[top:]
    possible = int((difference <= bound)[others].sum())
    gap, spread = difference[others[0], 0], deviation[others[0], 0]
    needed = math.ceil(DESIGN_EFFECT * (z * spread / gap) ** 2) if gap > 0 else None
    return Separation(possible, needed)


def _paired(distances: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation over images of the differences from other archs, (archs, others)."""
    images = distances.shape[1]
    mean = distances.mean(1)
    centred = distances - mean[:, None]
    variance = centred.var(1)
    covariance = centred @ centred[others].T / images
    squared = variance[:, None] + variance[others] - 2 * covariance
    unbiased = squared.clip(0) * images / max(1, images - 1)
    return mean[:, None] - mean[others], np.sqrt(unbiased)


class TreeCosts:
    """The multiply-adds of archs whose equal beginnings are computed once.

    Args:
        root: The tree of the archs.
        number: The number of archs.

    Attributes:
        total: Multiply-adds of all archs for one image.
    """

    def __init__(self, root: Node, number: int) -> None:
        self._nodes: list[tuple[int, int]] = []  # the parent of each node, and its multiply-adds
        self._leaves = np.full(number, -1)
        pending: list[tuple[Node, int]] = [(root, -1)]
        while pending:
            node, parent = pending.pop()
            self._nodes.append((parent, node.flops))
            self._leaves[node.candidates] = len(self._nodes) - 1
            pending += [(child, len(self._nodes) - 1) for child in node.children.values()]
        self.total = sum(flops for _, flops in self._nodes)

    def part(self, archs: Sequence[int] | np.ndarray) -> 'TreeCosts':
        """The costs of some of the archs, which are numbered anew."""
        part = copy.copy(self)
        part._leaves = self._leaves[np.asarray(archs, int)]
        part.total = part._spent(range(len(part._leaves)))[-1]
        return part

    def affordable(self, order: Sequence[int] | np.ndarray, budget: float, least: int) -> int:
        """Count the archs, from the first of an order, whose tree a budget affords.

        Args:
            order: The archs.
            budget: Multiply-adds.
            least: At least so many, whatever they cost.
        """
        for count, spent in enumerate(self._spent(order)):
            if spent > budget and count >= least:
                return count
        return len(order)

    def _spent(self, order: Sequence[int] | np.ndarray) -> list[int]:
        """The multiply-adds up to each arch of an order."""
        spent, seen, found = 0, set(), []
        for arch in order:
            node = int(self._leaves[arch])
            while node >= 0 and node not in seen:
                seen.add(node)
                node, flops = self._nodes[node]
                spent += flops
            found.append(spent)
        return found


def rungs_of(sizes: Sequence[int], seed: int, mode: str) -> list[list[int]]:
    """Divide groups of images into the steps of a race.

    Args:
        sizes: Images of each group.
        seed: Seed of the order of groups.
        mode: Of the race, see ``GROWTH``.

    Returns:
        The groups of each step. The first has ``FIRST`` images at least, if there are as many.
    """
    order = np.random.default_rng(seed).permutation(len(sizes)).tolist()
    rungs: list[list[int]] = [[]]
    seen, target = 0, FIRST
    for group in order:
        if seen >= target:
            rungs.append([])
            target = math.ceil(GROWTH[mode] * seen)
        rungs[-1].append(group)
        seen += sizes[group]
    return rungs


def race_from(settings: dict[str, Any] | str | None) -> Race | None:
    """The race that settings describe: ``'fast'``, or ``dict(mode='sure', top=5)``."""
    if settings is None:
        return None
    return Race(**(dict(mode=settings) if isinstance(settings, str) else settings))
