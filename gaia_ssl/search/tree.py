"""The prefix tree of the candidates' steps."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gaia_ssl.space import Family, Path, Step
from gaia_ssl.space.families import Size, nbytes

# a step holds its input, its output and the shortcut; its norm makes a second output, and kernels
# that need another layout copy both
_RUN = 2

Place = tuple[int, float]
"""Position in the network: the stage, -1 for the stem, and the index in it."""


class Tap(NamedTuple):
    """The end of a stage that is read: its features are measured and pass on unchanged.

    It is a node of its own because the step after which a stage ends depends on the depth of the
    path, so it cannot be part of a step's identity.

    Attributes:
        stage: The stage.
        output: The step that turns these features into the stage's output, if there is one.
    """

    stage: int
    output: Step | None = None


TapBytes = Callable[[Tap, int, Size], int]
"""Bytes that measuring a tap takes for one image, by its channels, height and width."""


class Key(NamedTuple):
    """Nodes with equal keys run the same computation and can run together.

    Attributes:
        place: Its position in the network.
        step: The step or tap.
        in_channels: Channels of its input.
    """

    place: Place
    step: Step | Tap
    in_channels: int


class Node:
    """A step or tap, with the nodes that may follow it and the candidates that end with it.

    Attributes:
        key: The computation; the root, which stands for the images, has one before the stem.
        channels: Channels of its output.
        size: Height and width of its output.
        working: Bytes that computing it takes for one image.
        flops: Multiply-adds of computing it for one image.
        children: The nodes that may follow.
        candidates: The candidates whose path ends here.
    """

    __slots__ = ('candidates', 'channels', 'children', 'flops', 'key', 'size', 'working')

    def __init__(self, key: Key, channels: int, size: Size, working: int, flops: int = 0) -> None:
        self.key, self.channels, self.size = key, channels, size
        self.working, self.flops = working, flops
        self.children: dict[Step | Tap, Node] = {}
        self.candidates: list[int] = []

    @property
    def positions(self) -> int:
        """Height times width of its output."""
        return self.size[0] * self.size[1]

    @property
    def output(self) -> int:
        """Bytes of its output for one image."""
        return nbytes(self.channels, self.size)


def build_tree(
    family: Family,
    paths: Iterable[Path],
    stages: Sequence[int],
    size: Size,
    tap_bytes: TapBytes = lambda tap, channels, size: 0,
) -> Node:
    """Build the tree of the candidates' paths, each up to the end of the last stage that is read.

    Args:
        family: The family of the steps.
        paths: One path per candidate.
        stages: The stages whose features are read, in rising order.
        size: Height and width of the images in pixels.
        tap_bytes: Bytes that measuring takes. Defaults to none.

    Returns:
        The root.
    """
    step_cost = functools.cache(family.step_cost)

    def child_of(node: Node, place: Place, step: Step | Tap) -> Node:
        key = Key(place, step, node.channels)
        if isinstance(step, Tap):
            channels, out_size, working, flops = node.channels, node.size, 0, 0
            if step.output is not None:
                cost, out_size = step_cost(step.output, channels, node.size)
                channels, working = step.output.out_channels, _RUN * cost.memory
                flops = cost.flops
            # the map, and two copies of it that are made on the way to a distance
            working += 3 * nbytes(channels, out_size) + tap_bytes(step, channels, out_size)
            return Node(key, node.channels, node.size, working, flops)
        cost, out_size = step_cost(step, node.channels, node.size)
        return Node(key, step.out_channels, out_size, _RUN * cost.memory, cost.flops)

    root = Node(Key((-1, -1), Tap(-1), 0), family.in_channels, size, 0)
    for candidate, path in enumerate(paths):
        node = root
        for place, step in _placed(path, stages):
            child = node.children.get(step)
            if child is None:
                child = node.children[step] = child_of(node, place, step)
            node = child
        node.candidates.append(candidate)
    return root


def steps_and_taps(path: Path, stages: Sequence[int]) -> Iterator[Step | Tap]:
    """The steps of a path up to the last stage that is read, with a tap where each such ends."""
    return (step for _, step in _placed(path, stages))


def _placed(path: Path, stages: Sequence[int]) -> Iterator[tuple[Place, Step | Tap]]:
    """The same with their positions in the network."""
    for index, step in enumerate(path.stem):
        yield (-1, index), step
    for stage in range(stages[-1] + 1):
        for index, step in enumerate(path.stages[stage]):
            yield (stage, index), step
        if stage in stages:
            yield (stage, math.inf), Tap(stage, path.outputs[stage])
