"""Walk a tree of candidates, computing each shared step once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gaia_ssl.space import Step

from .tree import Key, Node, Place, Tap


class Merging(NamedTuple):
    """Limits of what is computed at once.

    A step of a late stage takes little time on few images: reading its weights dominates. So
    branches that take the same step wait for each other.

    Attributes:
        images: Images of a batch, N.
        positions: Output positions, over images and branches, from which on more bring nothing.
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
    measure: Callable[[int, Tensor], Sequence[Any]],
    merging: Merging | None = None,
) -> Iterator[tuple[list[int], tuple[Any, ...]]]:
    """Walk a tree; features live only while branches that need them remain.

    The walk is depth first where maps are large. Where they are small, branches that take the
    same step are computed together, within the limits of ``merging``.

    Args:
        root: The tree; its branches are ordered if memory matters, see ``order_branches``.
        x: The images, (N, C, H, W).
        run: Computes a step on the features of B branches, (B * N, C, H, W).
        measure: Reads something off each of B branches at a tap, from its stage and its outputs.
        merging: Limits of what is computed at once. Defaults to one branch.

    Yields:
        Candidates that share all their steps, and what was read off at their taps, in order.
    """
    pool = _Pool(merging)
    pool.add([root], x, [()])
    while pool:
        key, nodes, x, readings = pool.take()
        if isinstance(key.step, Tap):
            found = measure(key.step.stage, stage_output(key.step, x, run))
            readings = [(*before, own) for before, own in zip(readings, found, strict=True)]
        else:
            x = run(key.step, x)
        pool.add(nodes, x, readings)
        for node, read in zip(nodes, readings, strict=True):
            if node.candidates:
                yield node.candidates, read


def stage_output(tap: Tap, x: Tensor, run: Callable[[Step, Tensor], Tensor]) -> Tensor:
    """The output of a tap's stage, from the features that pass on to the next stage."""
    return x if tap.output is None else run(tap.output, x)


class _Features:
    """The output of a step for several branches, and the number of branches yet to read it."""

    __slots__ = ('nbytes', 'readers', 'tensor')

    def __init__(self, tensor: Tensor, readers: int, nbytes: int) -> None:
        self.tensor, self.readers, self.nbytes = tensor, readers, nbytes


class _Branch(NamedTuple):
    """A node to be computed: from which row of which features, and the readings so far."""

    node: Node
    features: _Features
    row: int
    readings: tuple[Any, ...]


class _Taken(NamedTuple):
    """Branches that are computed together: their nodes, input (B * N, C, H, W) and readings."""

    key: Key
    nodes: list[Node]
    x: Tensor
    readings: Sequence[tuple[Any, ...]]


class _Pool:
    """The branches to be computed, by key: those of one key can run together.

    Without merging, the deepest branch is taken, the last one added among equals: depth first.
    With merging, one key and a number of its branches are chosen. *Enough* branches of a key have
    ``merging.positions`` output positions together: one where maps are large, many where they are
    small. The rule has three cases; ``a`` to ``d`` are keys in the order of their places, from
    the stem to the last stage, and a star is a waiting branch::

        key   waiting   enough
        a     *         4
        b     * * *     2          b and d have enough branches
        c     *         3
        d     * *       2

    1. Much waits, more than half of the room: take the deepest key, d. Its branches end soonest
       and free the features that they read.
    2. Else, some keys have enough branches: take the deepest of these, d. Waiting longer would
       not make them faster.
    3. Else (say b and d had only one each): take the shallowest key, a. No branch can join it
       any more, since all others are past its place, while its own children can join the keys
       below.

    Of the chosen key as many branches are taken as there are, as are enough, and as fit into the
    room, but at least one.
    """

    def __init__(self, merging: Merging | None) -> None:
        self.merging = merging
        self.branches: dict[Key, list[_Branch]] = {}
        self.waiting = 0  # bytes of the features that they read

    def __bool__(self) -> bool:
        return bool(self.branches)

    def add(self, nodes: list[Node], x: Tensor, readings: Sequence[tuple[Any, ...]]) -> None:
        """Add the children of nodes of one step, whose output for all of them is ``x``."""
        readers = sum(len(node.children) for node in nodes)
        nbytes = 0
        if self.merging and readers:
            nbytes = self.merging.images * sum(node.output for node in nodes)
        self.waiting += nbytes
        features = _Features(x, readers, nbytes)
        for row, (node, read) in enumerate(zip(nodes, readings, strict=True)):
            for child in node.children.values():
                branch = _Branch(child, features, row, read)
                self.branches.setdefault(child.key, []).append(branch)

    def take(self) -> _Taken:
        """Remove the branches that are computed next."""
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
        return _Taken(key, [branch.node for branch in taken], x, [b.readings for b in taken])

    def _choose(self) -> tuple[Key, int]:
        """The key of the next branches and the number of them, by the rule of the class."""
        pool, merging = self.branches, self.merging
        if merging is None:
            return max(reversed(pool), key=_place), 1
        nodes = {key: branches[-1].node for key, branches in pool.items()}
        enough = {
            key: -(-merging.positions // (node.positions * merging.images))
            for key, node in nodes.items()
        }
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


def _place(key: Key) -> Place:
    return key.place
