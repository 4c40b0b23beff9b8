"""How much memory a walk of the tree takes, known before it is walked."""

import functools
from collections.abc import Iterator

from gaia_ssl.space import Family
from gaia_ssl.space.families import Size

from .terms import Term
from .tree import Node, Tap

# a step holds its input, its output and the shortcut; its norm makes a second output, and kernels
# that want another layout copy both
_RUN = 2
# self-similarities, their difference and its square, in double precision
_MEASURE = 4 * 8


def arrange(root: Node, family: Family, size: Size, terms: list[Term]) -> int:
    """Order the branches of a tree so that walking it takes the least memory.

    A node's features live until its last branch begins, so the branch that needs most comes last.

    Args:
        root: The tree; its branches are put in order.
        family: The family of its steps.
        size: Height and width of the images in pixels.
        terms: What is measured.

    Returns:
        The most bytes of activations that the walk holds at a time for one image, the teacher's
        targets included: a bound that is rarely reached.
    """
    step_cost = functools.cache(family.step_cost)

    def peak(node: Node, channels: int, size: Size) -> int:
        if isinstance(node.step, Tap):
            own = measuring(terms, node.step.stage, size)
        else:
            cost, size = step_cost(node.step, channels, size)
            channels = node.step.out_channels
            own = _RUN * cost.memory
        return max(own, branches(node, channels, size))

    def branches(node: Node, channels: int, size: Size) -> int:
        peaks = [(peak(child, channels, size), child) for child in node.children.values()]
        peaks.sort(key=lambda pair: pair[0], reverse=True)
        # the walk takes them from the end
        node.children = {child.step: child for _, child in peaks}
        if not peaks:
            return 0
        waiting = 4 * channels * size[0] * size[1]
        return max([peaks[0][0], *(waiting + other for other, _ in peaks[1:2])])

    channels = family.in_channels
    targets = sum(measuring(terms, stage, size) for stage, size in _stage_sizes(root, family, size))
    return targets + branches(root, channels, size)


def measuring(terms: list[Term], stage: int, size: Size) -> int:
    """Bytes that the dense terms of a stage need for one image."""
    total = 0
    for term in terms:
        if stage in term.stages and (grid := getattr(term.distance, 'grid', 0)):
            positions = min(grid, size[0]) * min(grid, size[1])
            total += _MEASURE * positions * positions
    return total


def _stage_sizes(root: Node, family: Family, size: Size) -> Iterator[tuple[int, Size]]:
    """The stages that are measured and the sizes of their maps."""
    node = root
    while node.children:
        node = next(iter(node.children.values()))
        if isinstance(node.step, Tap):
            yield node.step.stage, size
        else:
            _, size = family.step_cost(node.step, 1, size)
