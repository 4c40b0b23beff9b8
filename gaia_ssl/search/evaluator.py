"""Scoring candidates on a batch of images."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.space import Arch

from .batchnorm import group_statistics
from .distances import Distance
from .tree import Tap, build_tree, steps_and_taps, walk

Encoder = tuple[DynamicBackbone, nn.Module]
"""A backbone and its neck."""


def _exact_kernels() -> AbstractContextManager:
    """Full precision and repeatable kernels: GPUs would round to 10 bits by default."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


class TreeEvaluator:
    """The distances of many subnets from the teacher, the steps they share computed once.

    Args:
        student: Backbone and neck of the supernet whose subnets are scored.
        teacher: Backbone and neck that they are compared with, at MAX.
        distance: The distance.
        stages: The stages whose feature maps it compares, in rising order; None for a global
            distance, which compares the embeddings that the necks make of the last stage.
        archs: The candidates.
    """

    def __init__(
        self,
        student: Encoder,
        teacher: Encoder,
        distance: Distance,
        stages: Sequence[int] | None,
        archs: Sequence[Arch],
    ) -> None:
        self.backbone, self.neck = student
        self.teacher, self.teacher_neck = teacher
        self.distance = distance
        self.embeds = stages is None
        self.max_path = self.teacher.path(self.teacher.space.max)
        self.stages = (len(self.max_path.stages) - 1,) if stages is None else tuple(stages)
        self.tree = build_tree(map(self.backbone.path, archs), self.stages)
        self.num_candidates = len(archs)

    @torch.inference_mode()
    def __call__(
        self,
        images: Tensor,
        sizes: Sequence[int],
        report: Callable[[int], None] = lambda scored: None,
    ) -> np.ndarray:
        """Score every candidate on whole batch-norm groups.

        Args:
            images: Normalised images, (N, C, H, W).
            sizes: The sizes of the groups they form, in order.
            report: Told the number of candidates each time that some are done.

        Returns:
            Per group and candidate the sum over the group's images of the distance, a mean over
            the stages: (groups, candidates), float64.
        """
        modules = (self.backbone, self.neck, self.teacher, self.teacher_neck)
        scores = [None] * self.num_candidates
        with group_statistics(modules, sizes), _exact_kernels():
            targets = self._targets(images, sizes)

            def measure(stage: int, x: Tensor) -> Tensor:
                feature = self.neck((x,))[0] if self.embeds else x
                groups = zip(feature.split(list(sizes)), targets[stage], strict=True)
                # one value per group
                return torch.stack([self.distance(f, t).double().sum() for f, t in groups])

            for candidates, total in walk(self.tree, images, self.backbone.run, measure):
                for candidate in candidates:
                    scores[candidate] = total
                report(len(candidates))
        # (candidates, groups) -> (groups, candidates)
        return torch.stack(scores).div(len(self.stages)).T.cpu().numpy()

    def _targets(self, x: Tensor, sizes: Sequence[int]) -> list[list[Tensor]]:
        """The targets of each stage and group, from the teacher at MAX."""
        targets = []
        for step in steps_and_taps(self.max_path, self.stages):
            if isinstance(step, Tap):
                feature = self.teacher_neck((x,))[0] if self.embeds else x
                targets.append([self.distance.target(f) for f in feature.split(list(sizes))])
            else:
                x = self.teacher.run(step, x)
        return targets
