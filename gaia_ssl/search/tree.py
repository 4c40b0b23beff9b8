"""Candidates as a tree of steps, walked so that a shared prefix is computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gaia_ssl.space import Path, Step


class Tap(NamedTuple):
    """The end of a wanted stage: its features are measured here and pass on unchanged.

    It is a node of its own, since where a stage ends depends on the depth of the path and is no
    part of a step's identity.
    """

    stage: int


class Node:
    """A step or tap, what may follow it, and the candidates that end with it.

    Attributes:
        step: The step or tap.
        key: What it shares with the nodes that can be computed together with it: its place in the
            network, (stage, index), its step and the channels of its input.
        channels: Those of its output.
        children: The nodes that may follow.
        candidates: Those whose path ends here.
        positions: Height times width of its output.
        working: Bytes that computing it takes for one image.
        output: Bytes of its output for one image.
    """

    __slots__ = (
        'candidates', 'channels', 'children', 'key', 'output', 'positions', 'step', 'working'
    )  # fmt: skip

    def __init__(self, step: Step | Tap | None = None, key: Hashable = (), channels: int = 0):
        self.step, self.key, self.channels = step, key, channels
        self.children: dict[Step | Tap, Node] = {}
        self.candidates: list[int] = []
        self.positions = self.working = self.output = 0


def build_tree(paths: Iterable[Path], stages: Sequence[int]) -> Node:
    """The tree of the candidates' paths, each up to the end of the last wanted stage.

    Args:
        paths: One path per candidate.
        stages: The stages whose features are wanted, in rising order.

    Returns:
        Its root, which is no step.
    """
    root = Node()
    for candidate, path in enumerate(paths):
        node = root
        for place, step in _placed(path, stages):
            child = node.children.get(step)
            if child is None:
                channels = node.channels if isinstance(step, Tap) else step.out_channels
                child = Node(step, (place, step, node.channels), channels)
                node.children[step] = child
            node = child
        node.candidates.append(candidate)
    return root


def steps_and_taps(path: Path, stages: Sequence[int]) -> Iterator[Step | Tap]:
    """The steps of a path up to its last wanted stage, with a tap where each wanted one ends."""
    return (step for _, step in _placed(path, stages))


def _placed(path: Path, stages: Sequence[int]) -> Iterator[tuple[tuple[int, float], Step | Tap]]:
    """The same with their places in the network: the stage, and where in it."""
    for index, step in enumerate(path.stem):
        yield (-1, index), step
    for stage in range(stages[-1] + 1):
        for index, step in enumerate(path.stages[stage]):
            yield (stage, index), step
        if stage in stages:
            yield (stage, math.inf), Tap(stage)


class Merging(NamedTuple):
    """How much is computed at once.

    A step of a late stage is soon done with few images: reading its weights takes the time. So
    branches that take the same step wait for each other.

    Attributes:
        images: Images of a batch.
        positions: Output positions, over images and branches, that are enough.
        room: Bytes that waiting features and a merged step may take, beside what a walk of one
            branch at a time takes.
    """

    images: int
    positions: int
    room: float


class _Features:
    """An output, and how many branches are still to read it."""

    __slots__ = ('nbytes', 'readers', 'tensor')

    def __init__(self, tensor: Tensor, readers: int, nbytes: int) -> None:
        self.tensor, self.readers, self.nbytes = tensor, readers, nbytes


class _Branch(NamedTuple):
    """A node that is to be computed: on which part of which features, after which sum of taps."""

    node: Node
    features: _Features
    row: int
    total: Tensor


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
        run: Computes a step on the features of one branch, or of R: (R * N, C, H, W).
        measure: Computes what a tap adds to the sum of each branch, from its stage and features.
        merging: How much is computed at once. Defaults to one branch.

    Yields:
        Candidates that share all their steps, and the sum of their taps.
    """
    pool: dict[Hashable, list[_Branch]] = {}
    waiting = 0  # bytes of the features that branches of the pool read

    def follow(nodes: list[Node], tensor: Tensor, totals: Sequence[Tensor]) -> int:
        readers = sum(len(node.children) for node in nodes)
        images = merging.images if merging else 0
        features = _Features(tensor, readers, sum(node.output for node in nodes) * images)
        for row, (node, total) in enumerate(zip(nodes, totals, strict=True)):
            for child in node.children.values():
                pool.setdefault(child.key, []).append(_Branch(child, features, row, total))
        return features.nbytes if readers else 0

    waiting += follow([root], x, [0])
    while pool:
        key, number = _choose(pool, merging, waiting)
        branches = pool[key][-number:]
        del pool[key][-number:]
        if not pool[key]:
            del pool[key]
        x = _gather(branches, merging)
        for branch in branches:
            branch.features.readers -= 1
            if not branch.features.readers:
                waiting -= branch.features.nbytes
        nodes = [branch.node for branch in branches]
        totals = [branch.total for branch in branches]
        del branches, branch
        step = nodes[0].step
        if isinstance(step, Tap):
            sums = measure(step.stage, x)
            totals = [total + own for total, own in zip(totals, sums, strict=True)]
        else:
            x = run(step, x)
        waiting += follow(nodes, x, totals)
        for node, total in zip(nodes, totals, strict=True):
            if node.candidates:
                yield node.candidates, total


def _choose(
    pool: dict[Hashable, list[_Branch]], merging: Merging | None, waiting: float
) -> tuple[Hashable, int]:
    """What is computed next, and how many of its branches together."""

    def place(key: Hashable) -> tuple[int, float]:
        return key[0]

    if merging is None:
        return max(reversed(pool), key=place), 1
    nodes = {key: branches[-1].node for key, branches in pool.items()}
    enough = {
        key: -(-merging.positions // (node.positions * merging.images))
        for key, node in nodes.items()
    }
    # with much waiting, depth first; else what has company, or what no branch can still join
    if waiting > merging.room / 2:
        key = max(reversed(pool), key=place)
    elif full := [key for key in reversed(pool) if len(pool[key]) >= enough[key]]:
        key = max(full, key=place)
    else:
        key = min(pool, key=place)
    fitting = (merging.room - waiting) // (nodes[key].working * merging.images)
    return key, int(max(1, min(len(pool[key]), enough[key], fitting)))


def _gather(branches: list[_Branch], merging: Merging | None) -> Tensor:
    """The features that branches read, (branches * N, C, H, W)."""
    first = branches[0].features
    if merging is None:
        return first.tensor
    rows = [branch.row for branch in branches if branch.features is first]
    if len(branches) * merging.images == len(first.tensor) and rows == [*range(len(branches))]:
        return first.tensor
    parts = [
        branch.features.tensor[branch.row * merging.images : (branch.row + 1) * merging.images]
        for branch in branches
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)
