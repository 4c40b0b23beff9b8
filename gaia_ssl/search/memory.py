"""Predict the memory that walking a tree of candidates needs."""

from collections.abc import Sequence

from .tree import Node


def order_branches(root: Node) -> None:
    """Order the branches of a tree so that walking it takes little memory.

    A node's features live until its last branch begins. The walk takes the branch that leads
    deepest first, and of several at one place the one that needs most last.
    """
    _order(root)


def peak_bytes(node: Node) -> int:
    """The most bytes that a walk of one branch at a time holds for each image of a batch.

    It is a bound that is rarely reached, and counts neither the images nor the distances' targets.

    Args:
        node: The root of an ordered tree.
    """
    return _peak(node, [peak_bytes(child) for child in node.children.values()])


def _order(node: Node) -> int:
    """Order the branches below a node; returns ``peak_bytes`` of the result."""
    peaks = [(_order(child), child) for child in node.children.values()]
    # the walk takes them from the end
    peaks.sort(key=lambda pair: (pair[1].key.place, -pair[0]))
    node.children = {child.key.step: child for _, child in peaks}
    return _peak(node, [peak for peak, _ in peaks])


def _peak(node: Node, branches: Sequence[int]) -> int:
    """The peak of a node from those of its branches, in order: the first one is walked last."""
    if not branches:
        return node.working
    last, *others = branches
    # the others run while the node's output waits
    return max([node.working, last, *(node.output + other for other in others)])
