"""Candidates as a tree of steps, walked so that a shared prefix is computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from gaia_ssl.space import Path, Step


class Tap(NamedTuple):
    """The end of a wanted stage: its features are measured here and pass on unchanged.

    It is a node of its own, since where a stage ends depends on the depth of the path and is no
    part of a step's identity.
    """

    stage: int


class Node:
    """A step or tap, what may follow it, and the candidates that end with it."""

    __slots__ = ('candidates', 'children', 'step')

    def __init__(self, step: Step | Tap | None = None) -> None:
        self.step = step
        self.children: dict[Step | Tap, Node] = {}
        self.candidates: list[int] = []


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
        for step in steps_and_taps(path, stages):
            child = node.children.get(step)
            if child is None:
                child = node.children[step] = Node(step)
            node = child
        node.candidates.append(candidate)
    return root


def steps_and_taps(path: Path, stages: Sequence[int]) -> Iterator[Step | Tap]:
    """The steps of a path up to its last wanted stage, with a tap where each wanted one ends."""
    yield from path.stem
    for stage in range(stages[-1] + 1):
        yield from path.stages[stage]
        if stage in stages:
            yield Tap(stage)


def walk(
    root: Node,
    x: Tensor,
    run: Callable[[Step, Tensor], Tensor],
    measure: Callable[[int, Tensor], Tensor],
) -> Iterator[tuple[list[int], Tensor]]:
    """Walk a tree depth first; an activation lives only while branches that need it remain.

    Args:
        root: The tree.
        x: The images, (N, C, H, W).
        run: Computes a step.
        measure: Computes what a tap adds to the sum of its branch, from its stage and features.

    Yields:
        Candidates that share all their steps, and the sum of their taps.
    """
    stack = [(child, x, 0) for child in root.children.values()]
    while stack:
        node, x, total = stack.pop()
        if isinstance(node.step, Tap):
            total = total + measure(node.step.stage, x)
        else:
            x = run(node.step, x)
        stack.extend((child, x, total) for child in node.children.values())
        if node.candidates:
            yield node.candidates, total
