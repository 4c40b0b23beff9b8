"""Candidates as a tree of steps, in which what they share comes once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

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
