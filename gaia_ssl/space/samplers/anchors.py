"""Sampling from the named archs of a space, its anchors."""

from collections.abc import Sequence

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace
from gaia_ssl.utils.errors import UserError

from .base import ArchSampler, LossOf, check_least


class AnchorSampler(ArchSampler):
    """The named archs of a space, all of them or a few at a time.

    Args:
        names: Their names, e.g. ``['MIN', 'R50', 'MAX']``.
        num: Different anchors per draw, all equally likely. Defaults to all.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If names are missing, repeated or fewer than ``num``.
    """

    def __init__(self, names: Sequence[str], num: int | None = None, seed: int = 0) -> None:
        super().__init__(seed)
        if isinstance(names, str) or not names or len(set(names)) < len(names):
            raise UserError(f'arch_sampler.names: {names!r} is not a list of different anchors')
        self.names = tuple(names)
        self.num = len(names) if num is None else check_least('num', num)
        if self.num > len(names):
            raise UserError(f'arch_sampler.num: {num} is more than the {len(names)} anchors')

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw ``num`` anchors, in the order of their names.

        Raises:
            UserError: If the space has no anchor of a name.
        """
        try:
            anchors = [space.check(name) for name in self.names]
        except UserError as error:
            raise UserError(f'arch_sampler.names: {error}') from error
        chosen = rng.choice(len(anchors), self.num, replace=False)
        return [anchors[index] for index in sorted(chosen)]
