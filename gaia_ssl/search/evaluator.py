"""Score candidates on a batch of images."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from gaia_ssl.distances import Distance, WholeSetScore
from gaia_ssl.models.backbones import DynamicBackbone, Encoder
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.space import Arch
from gaia_ssl.space.families import Size, nbytes

from .batchnorm import Statistics, group_statistics
from .memory import order_branches, peak_bytes
from .terms import Term, map_stages, target_bytes, teacher_shapes, working_bytes
from .tree import Tap, build_tree, steps_and_taps
from .walk import Merging, stage_output, walk

# output positions for which a convolution is about as fast, by the position, as for many more
POSITIONS = 1024
# with fewer images, several branches would run in other kernels than one: their rounding differs,
# and statistics of few values magnify that
LEAST_IMAGES = 16


def _exact_kernels() -> AbstractContextManager:
    """Full precision and repeatable kernels: GPUs would round to 10 bits by default."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )


Targets = dict[int, list[list[Tensor]]]
"""By stage, the targets of each term that reads it, one per group."""
Kept = dict[tuple[int, int], list[Tensor]]
"""By the index of a term and a stage, what a score of the whole set keeps of each group."""


class Reading(NamedTuple):
    """The terms' readings of a candidate.

    Attributes:
        distances: Each distance of each image, (N, terms), float64.
        kept: What scores of the whole set keep.
    """

    distances: Tensor
    kept: Kept


def group_sums(distances: Tensor, sizes: Sequence[int]) -> Tensor:
    """Sum distances over the images of each group: (N, terms) -> (groups, terms)."""
    return torch.stack([part.sum(0) for part in distances.split(list(sizes))])


class TreeEvaluator:
    """Scores many subnets against the teacher, computing each step that they share once.

    Args:
        student: Backbone and neck of the supernet whose subnets are scored.
        teacher: Backbone and neck that they are compared with, at MAX, or a frozen teacher.
        terms: The terms of a score.
        archs: The candidates.
        size: Height and width of the images in pixels.
        statistics: The statistics that batch norms use. Defaults to those of groups.
        dtype: Precision that the networks run in, by autocast where it is not float32; distances
            are computed in float32 at least. Defaults to float32.

    Attributes:
        need: Most bytes that scoring takes for each image, without ``room``.
    """

    def __init__(
        self,
        student: Encoder,
        teacher: Encoder | FrozenEncoder,
        terms: Sequence[Term],
        archs: Sequence[Arch],
        size: Size,
        statistics: Statistics = group_statistics,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.backbone, self.neck = student
        self.teacher = teacher
        self.terms = terms
        self.statistics = statistics
        self.dtype = dtype
        self.stages = sorted({stage for term in terms for stage in term.stages})
        space = self.backbone.space
        paths = map(self.backbone.path, archs)
        tap_bytes = functools.partial(working_bytes, terms)
        self.tree = build_tree(space.family, paths, self.stages, size, tap_bytes)
        order_branches(self.tree)
        self.num_candidates = len(archs)
        # a batch of images, and the one that is decoded meanwhile
        images = 2 * nbytes(space.family.in_channels, size)
        targets = target_bytes(terms, teacher_shapes(teacher, space, size))
        self.need = images + targets + peak_bytes(self.tree)

    @torch.inference_mode()
    def __call__(
        self,
        images: Tensor,
        sizes: Sequence[int],
        report: Callable[[int], None] = lambda scored: None,
        room: float = 0,
    ) -> np.ndarray:
        """Score every candidate by distances on whole batch-norm groups.

        Args:
            images: Normalised images, (N, C, H, W).
            sizes: The sizes of the groups they form, in order.
            report: Called with the number of candidates each time that some are done.
            room: Bytes in which branches that take the same step may wait for each other, to run
                it together. Defaults to none.

        Returns:
            Per group, candidate and term the sum over the group's images of the distance, a mean
            over the term's stages: (groups, candidates, terms), float64.
        """
        shape = (self.num_candidates, len(sizes), len(self.terms))
        # one block: many small ones between the features would keep memory from being given back
        scores = images.new_empty(shape, dtype=torch.float64)
        for candidates, reading in self.read(images, sizes, self.targets(images, sizes), room):
            scores[candidates] = group_sums(reading.distances, sizes)
            report(len(candidates))
        # (candidates, groups, terms) -> (groups, candidates, terms)
        return scores.transpose(0, 1).cpu().numpy()

    @torch.inference_mode()
    def targets(self, images: Tensor, sizes: Sequence[int]) -> Targets:
        """Compute the teacher's targets.

        Args:
            images: Normalised images, (N, C, H, W).
            sizes: The sizes of the groups they form, in order.

        Returns:
            By stage, the targets of each term that reads it, one per group.
        """
        with self._evaluation(sizes):
            return {
                stage: [
                    [self.terms[term].score.target(part) for part in feature.split(list(sizes))]
                    for term, feature in readings
                ]
                for stage, readings in self._teacher_readings(images, sizes)
            }

    @torch.inference_mode()
    def read(
        self, images: Tensor, sizes: Sequence[int], targets: Targets, room: float = 0
    ) -> Iterator[tuple[list[int], Reading]]:
        """Read what the terms need off every candidate.

        Args:
            images: Normalised images, (N, C, H, W).
            sizes: The sizes of the groups they form, in order.
            targets: The return value of ``targets`` for these images.
            room: See ``__call__``.

        Yields:
            Candidates that share all their steps, and what was read.
        """

        def measure(stage: int, x: Tensor) -> list[Reading]:
            branches = len(x) // len(images)
            shape = (branches, len(images), len(self.terms))
            distances = x.new_zeros(shape, dtype=torch.float64)
            kept: list[Kept] = [{} for _ in range(branches)]
            readings = self._read(self.neck, stage, x)
            for (index, feature), target in zip(readings, targets[stage], strict=True):
                term = self.terms[index]
                pairs = zip(feature.split([*sizes] * branches), target * branches, strict=True)
                if isinstance(term.score, WholeSetScore):
                    parts = [term.score.collect(f, t) for f, t in pairs]
                    for branch in range(branches):
                        own = parts[branch * len(sizes) : (branch + 1) * len(sizes)]
                        kept[branch][index, stage] = own
                else:
                    distance = cast(Distance, term.score)
                    found = torch.cat([distance(f, t).double() for f, t in pairs])
                    # (branches * N) -> (branches, N)
                    distances[..., index] = found.view(branches, -1) / len(term.stages)
            return [Reading(*pair) for pair in zip(distances, kept, strict=True)]

        several = room > 0 and len(images) >= LEAST_IMAGES
        merging = Merging(len(images), POSITIONS, room) if several else None
        with self._evaluation(sizes):
            run = self._run(self.backbone)
            for candidates, readings in walk(self.tree, images, run, measure, merging):
                total, *others = readings
                for reading in others:
                    distances = total.distances + reading.distances
                    total = Reading(distances, total.kept | reading.kept)
                yield candidates, total

    @contextmanager
    def _evaluation(self, sizes: Sequence[int]) -> Iterator[None]:
        """Let norms use the images' statistics, and kernels repeat."""
        # a frozen teacher keeps its own statistics
        teachers = () if isinstance(self.teacher, FrozenEncoder) else self.teacher
        with self.statistics((self.backbone, self.neck, *teachers), sizes), _exact_kernels():
            yield

    def _run(self, module: Callable) -> Callable:
        """The computation of a network, at the evaluator's precision."""
        device = next(self.backbone.parameters()).device

        def run(*args):
            with torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32):
                return forward(*args)

        forward = module.run if isinstance(module, DynamicBackbone) else module
        return run

    def _read(self, neck: Callable, stage: int, x: Tensor) -> Iterator[tuple[int, Tensor]]:
        """The terms that read a stage, by their index, and what each reads."""
        reading = [i for i, term in enumerate(self.terms) if stage in term.stages]
        embedding = None
        for index in reading:
            if self.terms[index].score.reads == 'map':
                yield index, x
                continue
            if embedding is None:
                embedding = self._run(neck)((x,))[0]
            yield index, embedding

    def _teacher_readings(
        self, x: Tensor, sizes: Sequence[int]
    ) -> Iterator[tuple[int, Iterator[tuple[int, Tensor]]]]:
        """By stage, the terms that read it, by their index, and what each reads of the teacher."""
        if isinstance(self.teacher, FrozenEncoder):
            # group by group: its memory, and the rounding of its kernels, are those of a group
            run = self._run(self.teacher)
            outputs = [run(group, map_stages(self.terms)) for group in x.split(list(sizes))]
            embedding = torch.cat([part for part, _ in outputs])
            for stage in self.stages:
                maps = [part[stage] for _, part in outputs if stage in part]
                # the embedding is there already, and maps are there where one is read
                read = torch.cat(maps) if maps else embedding
                yield stage, self._read(lambda _: (embedding,), stage, read)
            return
        backbone, neck = self.teacher
        run = self._run(backbone)
        for step in steps_and_taps(backbone.path(backbone.space.max), self.stages):
            if isinstance(step, Tap):
                yield step.stage, self._read(neck, step.stage, stage_output(step, x, run))
            else:
                x = run(step, x)
