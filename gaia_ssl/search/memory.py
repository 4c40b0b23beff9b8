"""How much memory a walk of the tree takes, known before it is walked."""

import functools

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
    """Order the branches of a tree so that walking it takes little memory, and size its nodes.

    A node's features live until its last branch begins. The walk takes the branch that leads
    deepest first, and of several at one place the one that needs most last.

    Args:
        root: The tree; its branches are put in order, and its nodes get their sizes.
        family: The family of its steps.
        size: Height and width of the images in pixels.
        terms: What is measured.

    Returns:
        The most bytes that a walk of one branch at a time holds for each image of a batch, the
        teacher's targets included: a bound that is rarely reached.
    """
    step_cost = functools.cache(family.step_cost)
    measured: dict[int, Size] = {}  # the stages that are measured, and the sizes of their maps

    def peak(node: Node, channels: int, size: Size) -> int:
        if isinstance(node.step, Tap):
            measured[node.step.stage] = size
            node.working = _MATRICES * _matrices(terms, node.step.stage, size)
            # the map, and what makes its positions unit vectors
            node.working += 3 * nbytes(channels, size)
        else:
            cost, size = step_cost(node.step, channels, size)
            node.working = _RUN * cost.memory
        return max(node.working, branches(node, size))

    def branches(node: Node, size: Size) -> int:
        node.positions, node.output = size[0] * size[1], nbytes(node.channels, size)
        peaks = [(peak(child, node.channels, size), child) for child in node.children.values()]
        # the walk takes them from the end
        peaks.sort(key=lambda pair: (pair[1].key[0], -pair[0]))
        node.children = {child.step: child for _, child in peaks}
        if not peaks:
            return 0
        last, *others = (need for need, _ in peaks)
        return max([last, *(node.output + other for other in others)])

    root.channels = family.in_channels
    walking = branches(root, size)
    targets = sum(_matrices(terms, stage, size) for stage, size in measured.items())
    # a batch of images, and the one that is decoded meanwhile
    images = 2 * nbytes(root.channels, size)
    return images + targets + walking


def _matrices(terms: list[Term], stage: int, size: Size) -> int:
    """Bytes of one image's matrices, one for each dense term that reads a stage's map."""
    total = 0
    for term in terms:
        if stage in term.stages and isinstance(term.distance, DenseDistance):
            rows, columns = (min(side, term.distance.grid) for side in size)
            total += term.distance.itemsize * (rows * columns) ** 2
    return total
