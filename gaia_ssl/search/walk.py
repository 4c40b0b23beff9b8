"""The walk of a tree of candidates, which computes what they share once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gaia_ssl.space import Step

from .tree import Node, Tap


class Merging(NamedTuple):
    """How much is computed at once.

    A step of a late stage is soon done with few images: reading its weights takes the time. So
    branches that take the same step wait for each other.

    Attributes:
        images: Images of a batch, N.
        positions: Output positions, over images and branches, that are enough.
        room: Bytes that waiting features and a merged step may take, beside what a walk of one
            branch at a time takes.
    """

    images: int
    positions: int
    room: float


def walk(
    root: Node,
    x: Tensor,
    run: Callable[[Step, Tensor], Tensor],
    measure: Callable[[int, Tensor], Sequence[Tensor]],
    merging: Merging | None = None,
) -> Iterator[tuple[list[int], Tensor]]:
    """Walk a tree; features live only while branches that need them remain.

    The walk is depth first where maps are large. Where they are small, branches that take the
    same step are computed together, as far as ``merging`` goes.

    Args:
        root: The tree, arranged if there is merging, see ``arrange``.
        x: The images, (N, C, H, W).
        run: Computes a step on the features of B branches, (B * N, C, H, W).
        measure: Computes what a tap adds to the sum of each of B branches, from its stage and
            their features.
        merging: How much is computed at once. Defaults to one branch.

    Yields:
        Candidates that share all their steps, and the sum of their taps.
    """
    pool = _Pool(merging)
    pool.add([root], x, [0])
    while pool:
        nodes, x, totals = pool.take()
        step = nodes[0].step
        if isinstance(step, Tap):
            sums = measure(step.stage, x)
            totals = [total + own for total, own in zip(totals, sums, strict=True)]
        else:
            x = run(step, x)
        pool.add(nodes, x, totals)
        for node, total in zip(nodes, totals, strict=True):
            if node.candidates:
                yield node.candidates, total


class _Features:
    """The output of a step for several branches, and how many are still to read it."""

    __slots__ = ('nbytes', 'readers', 'tensor')

    def __init__(self, tensor: Tensor, readers: int, nbytes: int) -> None:
        self.tensor, self.readers, self.nbytes = tensor, readers, nbytes


class _Branch(NamedTuple):
    """A node that is to be computed: on which part of which features, after which sum of taps."""

    node: Node
    features: _Features
    row: int
    total: Tensor


class _Pool:
    """The branches that are to be computed, by what those that can run together have in common."""

    def __init__(self, merging: Merging | None) -> None:
        self.merging = merging
        self.branches: dict[Hashable, list[_Branch]] = {}
        self.waiting = 0  # bytes of the features that they read

    def __bool__(self) -> bool:
        return bool(self.branches)

    def add(self, nodes: list[Node], x: Tensor, totals: Sequence[Tensor]) -> None:
        """Add what follows nodes of one step, whose output for all of them is ``x``."""
        readers = sum(len(node.children) for node in nodes)
        nbytes = 0
        if self.merging and readers:
            nbytes = self.merging.images * sum(node.output for node in nodes)
        self.waiting += nbytes
        features = _Features(x, readers, nbytes)
        for row, (node, total) in enumerate(zip(nodes, totals, strict=True)):
            for child in node.children.values():
                branch = _Branch(child, features, row, total)
                self.branches.setdefault(child.key, []).append(branch)

    def take(self) -> tuple[list[Node], Tensor, list[Tensor]]:
        """Remove what is computed next: nodes of one step, their input and sums."""
        key, number = self._choose()
        taken = self.branches[key][-number:]
        del self.branches[key][-number:]
        if not self.branches[key]:
            del self.branches[key]
        x = self._gather(taken)
        for branch in taken:
            branch.features.readers -= 1
            if not branch.features.readers:
                self.waiting -= branch.features.nbytes
        return [branch.node for branch in taken], x, [branch.total for branch in taken]

    def _choose(self) -> tuple[Hashable, int]:
        """Which branches come next, and how many of them together."""
        pool, merging = self.branches, self.merging
        if merging is None:
            return max(reversed(pool), key=_place), 1
        nodes = {key: branches[-1].node for key, branches in pool.items()}
        enough = {
            key: -(-merging.positions // (node.positions * merging.images))
            for key, node in nodes.items()
        }
        # with much waiting, depth first; else what has company, or what no branch can still join
        if self.waiting > merging.room / 2:
            key = max(reversed(pool), key=_place)
        elif full := [key for key in reversed(pool) if len(pool[key]) >= enough[key]]:
            key = max(full, key=_place)
        else:
            key = min(pool, key=_place)
        fitting = (merging.room - self.waiting) // (nodes[key].working * merging.images)
        return key, int(max(1, min(len(pool[key]), enough[key], fitting)))

    def _gather(self, branches: list[_Branch]) -> Tensor:
        """The features that branches read, (branches * N, C, H, W)."""
        first = branches[0].features
        if self.merging is None:
            return first.tensor
        images = self.merging.images
        rows = [branch.row for branch in branches if branch.features is first]
        if len(branches) * images == len(first.tensor) and rows == [*range(len(branches))]:
            return first.tensor
        parts = [b.features.tensor[b.row * images : (b.row + 1) * images] for b in branches]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


def _place(key: Hashable) -> tuple[int, float]:
    return key[0]
