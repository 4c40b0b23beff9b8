"""Sampling of the subnets with the highest, or the lowest, loss for their FLOPs."""

import numpy as np

from gaia_ssl.space.families import Arch
from gaia_ssl.space.space import SearchSpace
from gaia_ssl.utils.errors import UserError

from .base import ArchSampler, LossOf, check_least
from .flops import flops_bins

_CHOICES = dict(worst=max, best=min)  # of the losses


class AttentiveSampler(ArchSampler):
    """Subnets near the worst or the best Pareto front of loss and FLOPs.

    For each subnet a bin of FLOPs is drawn, then a few candidates in it; the one whose loss on the
    current batch is the highest, or the lowest, is kept (AttentiveNAS, Wang et al., CVPR 2021, with
    the loss of the batch as its measure of performance). Bins are equally likely here; there they
    are as likely as a uniform arch falls into them. Each candidate costs a forward pass.

    Args:
        num: Subnets per draw. Defaults to 1.
        choose: ``'worst'`` for the highest loss, ``'best'`` for the lowest. Defaults to
            ``'worst'``.
        num_candidates: Candidates per subnet. Defaults to 3.
        num_bins: Bins of equal width between the FLOPs of MIN and of MAX. Defaults to 10.
        input_size: Side, in pixels, of the images that FLOPs are counted at. Defaults to 224.
        seed: Seed of the draws. Defaults to 0.

    Raises:
        UserError: If a number is not positive, or ``choose`` is another word.
    """

    def __init__(
        self,
        num: int = 1,
        choose: str = 'worst',
        num_candidates: int = 3,
        num_bins: int = 10,
        input_size: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__(seed)
        if choose not in _CHOICES:
            raise UserError(
                f'arch_sampler.choose: {choose!r} is not one of {", ".join(map(repr, _CHOICES))}'
            )
        self.num = check_least('num', num)
        self.choose = choose
        self.num_candidates = check_least('num_candidates', num_candidates)
        self.num_bins = check_least('num_bins', num_bins)
        self.input_size = check_least('input_size', input_size)

    def draw(
        self, space: SearchSpace, rng: np.random.Generator, loss_of: LossOf | None
    ) -> list[Arch]:
        """Draw ``num`` subnets, the bin of each anew.

        Raises:
            UserError: If ``loss_of`` is missing.
        """
        if loss_of is None:
            raise UserError(
                'arch_sampler: AttentiveSampler chooses by the losses of a training, and there '
                'is no training here; use another sampler'
            )
        bins = flops_bins(space, self.num_bins, self.input_size)
        extreme = _CHOICES[self.choose]
        return [extreme(bins.draw(rng, self.num_candidates), key=loss_of) for _ in range(self.num)]
