"""How much memory a walk of the tree takes, known before it is walked."""

import functools
from collections.abc import Iterator

from gaia_ssl.space import Family
from gaia_ssl.space.families import Size, nbytes

from .distances.dense import DenseDistance
from .terms import Term
from .tree import Node, Tap

# a step holds its input, its output and the shortcut; its norm makes a second output, and kernels
# that want another layout copy both
_RUN = 2
# matrices of self-similarities that a dense distance works on, beside its target
_MATRICES = 3


def arrange(root: Node, family: Family, size: Size, terms: list[Term]) -> int:
    """Order the branches of a tree so that walking it takes the least memory.

    A node's features live until its last branch begins, so the branch that needs most comes last.

    Args:
        root: The tree; its branches are put in order.
        family: The family of its steps.
        size: Height and width of the images in pixels.
        terms: What is measured.

    Returns:
        The most bytes that the walk holds at a time for each image of a batch, the teacher's
        targets included: a bound that is rarely reached.
    """
    step_cost = functools.cache(family.step_cost)

    def peak(node: Node, channels: int, size: Size) -> int:
        if isinstance(node.step, Tap):
            own = _MATRICES * _matrices(terms, node.step.stage, size)
            # the map, and what makes its positions unit vectors
            own += 3 * nbytes(channels, size)
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
        waiting = nbytes(channels, size)
        return max([peaks[0][0], *(waiting + other for other, _ in peaks[1:2])])

    sizes = _stage_sizes(root, family, size)
    targets = sum(_matrices(terms, stage, size) for stage, size in sizes)
    # a batch of images, and the one that is decoded meanwhile
    images = 2 * nbytes(family.in_channels, size)
    return images + targets + branches(root, family.in_channels, size)


def _matrices(terms: list[Term], stage: int, size: Size) -> int:
    """Bytes of one image's matrices, one for each dense term that reads a stage's map."""
    total = 0
    for term in terms:
        if stage in term.stages and isinstance(term.distance, DenseDistance):
            rows, columns = (min(side, term.distance.grid) for side in size)
            total += term.distance.itemsize * (rows * columns) ** 2
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
