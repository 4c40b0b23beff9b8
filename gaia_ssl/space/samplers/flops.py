"""Sampling that is uniform over bins of FLOPs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace, count_cost

from .base import ArchSampler, LossOf, check_least

LARGEST_LISTED = 1_000_000  # archs; a larger space is represented by a pool
POOL = 100_000


@dataclass(frozen=True)
class FlopsBins:
    """The archs of a space by their multiply-adds.

    Attributes:
        archs: The archs: the whole space, or a fixed pool of a very large one.
        edges: The edges of the bins, rising from MIN's FLOPs to MAX's.
        members: Per bin that is not empty the positions of its archs in ``archs``.
    """

    archs: Sequence[Arch]
    edges: np.ndarray
    members: tuple[np.ndarray, ...]

    def draw(self, rng: np.random.Generator, num: int = 1) -> list[Arch]:
        """Draw a bin, then ``num`` different archs from it, or all if it has fewer."""
        members = self.members[rng.integers(len(self.members))]
        chosen = rng.choice(members, min(num, len(members)), replace=False, shuffle=False)
        return [self.archs[int(index)] for index in chosen]


def flops_bins(space: SearchSpace, num_bins: int, input_size: int) -> FlopsBins:
    """Sort a space into bins of equal width between the FLOPs of MIN and of MAX.

    Args:
        space: The space. All of it is costed, or a pool of 100,000 archs drawn with a fixed seed
            if it has more than a million.
        num_bins: Number of bins, empty ones included.
        input_size: Side, in pixels, of the images that FLOPs are counted at.
    """
    return _flops_bins(json.dumps(space.to_dict()), num_bins, input_size)


@lru_cache(maxsize=8)
def _flops_bins(space_json: str, num_bins: int, input_size: int) -> FlopsBins:
    space = SearchSpace.from_dict(json.loads(space_json))
    archs: Sequence[Arch] = space
    # len() refuses what does not fit into 64 bits
    if space.__len__() > LARGEST_LISTED:
        rng = np.random.default_rng(0)
        archs = [space.sample(rng) for _ in range(POOL)]
    flops = np.array([count_cost(space, arch, input_size).flops for arch in archs])
    low, high = (count_cost(space, arch, input_size).flops for arch in (space.min, space.max))
    edges = np.linspace(low, high, num_bins + 1)
    # MAX belongs to the last bin
    bins = np.searchsorted(edges[1:-1], flops, side='right')
    members = tuple(np.flatnonzero(bins == index) for index in range(num_bins))
    return FlopsBins(archs, edges, tuple(m for m in members if len(m)))


class FlopsUniformSampler(ArchSampler):
    """Subnets whose FLOPs are spread evenly, where uniform ones crowd in the middle.

    Args:
        num: Subnets per draw. Defaults to 1.
        num_bins: Bins of equal width between the FLOPs of MIN and of MAX, each as likely as the
            others; empty ones are left out. Defaults to 10.
        input_size: Side, in pixels, of the images that FLOPs are counted at. Defaults to 224.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If a number is not positive.
    """

    def __init__(
        self, num: int = 1, num_bins: int = 10, input_size: int = 224, seed: int = 0
    ) -> None:
        super().__init__(seed)
        self.num = check_least('num', num)
        self.num_bins = check_least('num_bins', num_bins)
        self.input_size = check_least('input_size', input_size)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw ``num`` subnets, the bin of each anew."""
        bins = flops_bins(space, self.num_bins, self.input_size)
        return [arch for _ in range(self.num) for arch in bins.draw(rng)]
