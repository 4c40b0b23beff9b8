"""Run a whole search, from files or from Python objects."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from torch import Tensor

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.datasets.sources import as_sources
from gaia_ssl.models.layers import batch_norms
from gaia_ssl.models.supernet import load_supernet
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.space import Arch
from gaia_ssl.space.search_json import Result
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import data_digest, file_digest
from gaia_ssl.utils.lock import lock
from gaia_ssl.version import __version__

from .batchnorm import own_statistics
from .blocks import BlockScorer, candidate_bytes, make_blocks, whole_set_terms
from .candidates import Candidates
from .evaluator import TreeEvaluator
from .feasible import Candidate
from .groups import Batches, plan_batches, plan_shares
from .identity import settings_id, teacher_id
from .loading import BatchLoader
from .progress import Progress
from .results import make_result, save_result
from .search_images import SearchImages
from .settings import DTYPES, STATISTICS, Limits, SearchSettings
from .store import Round, Store
from .strategies import Rounds
from .terms import check_images, check_teacher, target_bytes, teacher_shapes

if TYPE_CHECKING:  # it imports mmpretrain
    from gaia_ssl.models.selfsup.base import SupernetSelfSupervisor


class _Todo(NamedTuple):
    """A round that is ready to be scored.

    Attributes:
        candidates: The candidates that the strategy chose.
        archs: Their archs, and others after them.
        evaluator: Scores these.
        batches: The groups of images that run at once.
        blocks: The archs that are scored at once, by their indices, if a term needs all images;
            None otherwise.
    """

    candidates: list[Candidate]
    archs: list[Arch]
    evaluator: TreeEvaluator
    batches: Batches
    blocks: list[list[int]] | None


class Search:
    """A search that is fully checked and ready to run, the same in every process.

    Args:
        model: A self-supervised supernet.
        images: The unlabeled images, of ``settings.input_size``.
        settings: The settings.
        weights_id: Plain data that identifies the model and its weights.
        paths: Paths of config, checkpoint and images, for the record. Defaults to none.

    Attributes:
        weights_id: See the argument; to be set again after the weights have changed.
        settings_id: Plain data that identifies images, space and settings.

    Raises:
        UserError: If anything is wrong with them; nothing has been written then.
    """

    def __init__(
        self,
        model: 'SupernetSelfSupervisor',
        images: ImageSet,
        settings: SearchSettings,
        weights_id: dict[str, Any] | None = None,
        paths: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(images, ImageSet):
            raise UserError(
                f'images: {type(images).__name__} is not an ImageSet; make one, or use '
                'Search.from_files, which takes paths'
            )
        self.model, self.settings = model, settings
        self.weights_id, self.paths = weights_id or {}, paths or {}
        self.candidates = Candidates(model.student[0].space, settings)
        teacher = model.teacher
        # a frozen teacher keeps its own statistics
        modules = () if isinstance(teacher, FrozenEncoder) else teacher
        statistics = bool(batch_norms(*model.student, *modules))
        self.images = SearchImages(images, settings, statistics)
        check_images(self.candidates.terms, len(self.images), self.images.least_group)
        check_teacher(self.candidates.terms, teacher)
        self.settings_id = settings_id(
            settings, self.candidates, self.images, teacher_id(model.student, teacher)
        )
        self._loader = BatchLoader(self.images.images, self.images.groups, self._normalise)

    @classmethod
    def from_files(
        cls,
        config: Config,
        checkpoint: str,
        images: str | os.PathLike | Iterable[str | os.PathLike],
        settings: SearchSettings,
        device: str | None = None,
        weights: str = 'online',
    ) -> 'Search':
        """Make a search of a trained supernet.

        Args:
            config: Training config of the supernet; its ``search`` may hold a ``pipeline``.
            checkpoint: Checkpoint of that training.
            images: Sources of unlabeled images, see ``find_images``.
            settings: The settings.
            device: The device of the networks. Defaults to the GPU if there is one.
            weights: The weights that subnets share, see ``load_supernet``.

        Raises:
            UserError: If anything is wrong with them; nothing has been written then.
        """
        sources = as_sources(images)
        found = ImageSet(sources, SearchDefaults.of(config, settings.input_size).pipeline)
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        model = cast('SupernetSelfSupervisor', load_supernet(config, checkpoint, weights))
        model = model.to(torch.device(device))
        weights_id = dict(
            checkpoint_sha256=file_digest(checkpoint),
            model_sha256=data_digest(config.model),
            weights=weights,
        )
        paths = dict(
            config=config.filename,
            checkpoint=os.fspath(checkpoint),
            images=images if isinstance(images, str) else sources,
        )
        return cls(model, found, settings, weights_id, paths)

    @property
    def identity(self) -> dict[str, Any]:
        """Plain data that decides the result; two searches with equal ones have equal results."""
        return {**self.weights_id, **self.settings_id}

    def run(self, work_dir: str, resume: bool = False, limits: Limits | None = None) -> Result:
        """Score the candidates, and in the first process write the result.

        Args:
            work_dir: Folder of the result; several processes share it.
            resume: Resume the search that the folder holds. Defaults to False.
            limits: Limits of what runs at once. Defaults to one group without a bound.

        Returns:
            The result, see ``make_result``.

        Raises:
            UserError: If the folder holds a search that cannot be resumed, or cannot be written,
                the memory limit is too small, or a distance is not finite.
        """
        limits = limits or Limits()
        rounds = self.candidates.strategy.rounds(self.candidates.feasible)
        anchors = list(self.candidates.anchors.values())
        # everything that can fail comes before anything is written
        todo = self._next(rounds, None, anchors, limits)
        with lock(work_dir):
            store = Store(work_dir, self.identity)
            if get_dist_info()[0] == 0:
                store.open(resume)
            barrier()
            return self._run(store, rounds, todo, limits)

    def _run(self, store: Store, rounds: Rounds, todo: _Todo | None, limits: Limits) -> Result:
        """Score the candidates of all rounds, beginning with those that are ready."""
        weights = np.array([term.weight for term in self.candidates.terms])
        subnets: list[Candidate] = []
        scores: list[np.ndarray] = []
        anchor_scores = np.empty(0)
        while todo is not None:
            found = self._score(store, len(scores), todo)
            number = len(todo.candidates)
            if not scores:
                # the anchors come after the first round's candidates
                anchor_scores = found[number:]
            subnets += todo.candidates
            scores.append(found[:number])
            todo = self._next(rounds, scores[-1] @ weights, [], limits)
        rows = np.concatenate([*scores, anchor_scores])
        result = make_result(self._meta(), subnets, self.candidates.anchors, rows, weights.tolist())
        if get_dist_info()[0] == 0:
            save_result(result, store.work_dir)
        return result

    def _next(
        self,
        rounds: Rounds,
        distances: np.ndarray | None,
        extra: list[Candidate],
        limits: Limits,
    ) -> _Todo | None:
        """Prepare the next round.

        Args:
            rounds: The strategy's rounds.
            distances: Those of the round before, None before the first.
            extra: Candidates that are scored after the round's own.
            limits: See ``run``.

        Returns:
            None after the last round.
        """
        try:
            indices = next(rounds) if distances is None else rounds.send(distances)
        except StopIteration:
            return None
        candidates = [self.candidates.feasible[index] for index in indices]
        archs = [candidate.arch for candidate in (*candidates, *extra)]
        evaluator = self._evaluator(archs)
        sizes, need, memory = self.images.sizes(), evaluator.need, limits.memory
        blocks, processes = None, get_dist_info()[1]
        if whole_set_terms(self.candidates.terms):
            # a process scores its own blocks on all images
            nbytes, processes = self._candidate_bytes(), 1
            blocks = make_blocks(evaluator.tree, nbytes)
            memory = None if memory is None else memory - nbytes * max(map(len, blocks))
        if self.settings.bn_policy == 'calibrated':
            batches = plan_shares(sizes, need, memory, processes)
        else:
            batches = plan_batches(sizes, need, limits.micro_batch, memory)
        return _Todo(candidates, archs, evaluator, batches, blocks)

    def _evaluator(self, archs: list[Arch]) -> TreeEvaluator:
        statistics = STATISTICS[self.settings.bn_policy]
        if self.settings.bn_policy == 'calibrated' and whole_set_terms(self.candidates.terms):
            statistics = own_statistics
        return TreeEvaluator(
            self.model.student,
            self.model.teacher,
            self.candidates.terms,
            archs,
            self.settings.image_shape,
            statistics,
            DTYPES[self.settings.dtype],
        )

    def _candidate_bytes(self) -> int:
        """Bytes that are kept of a candidate until it has been scored."""
        space, size = self.candidates.space, self.settings.image_shape
        own = space.family.output_shapes(space.max, size)
        teacher = teacher_shapes(self.model.teacher, space, size)
        return candidate_bytes(self.candidates.terms, len(self.images), own, teacher)

    def _score(self, store: Store, number: int, todo: _Todo) -> np.ndarray:
        """Score a round's archs, in all processes together.

        Args:
            store: Where the scores go; what is there is not computed again.
            number: The number of the round, from 0.
            todo: The round.

        Returns:
            Means over the images, (archs, terms).
        """
        shape, title = (len(todo.archs), len(self.candidates.terms)), f'round {number + 1}: '
        if todo.blocks is None:
            part = store.round(number, len(self.images.groups), shape)
            self._score_groups(part, todo, title)
            return part.total() / len(self.images)
        part = store.round(number, len(todo.blocks), shape, todo.blocks)
        self._score_blocks(part, todo, title)
        return part.total()

    def _score_groups(self, part: Round, todo: _Todo, title: str) -> None:
        """Score all archs on the groups that lack it."""
        rank, world = get_dist_info()
        batches = todo.batches.batches
        pending = [batch for batch in batches if not all(map(part.done, batch))]
        # everyone must have looked before anyone writes
        barrier()
        if self.settings.bn_policy == 'calibrated' and pending:
            # norms gather from all processes, also from those whose own groups are done
            pending = batches
        mine = pending[rank::world]
        progress = Progress(todo.evaluator.num_candidates * len(mine), title, quiet=rank != 0)
        for batch, images in zip(mine, self._loader(mine)):
            sizes = self.images.sizes(batch)
            sums = todo.evaluator(images, sizes, progress, todo.batches.room)
            self._check_finite(sums)
            for group, row in zip(batch, sums, strict=True):
                part.write(group, row)
        barrier()

    def _score_blocks(self, part: Round, todo: _Todo, title: str) -> None:
        """Score the blocks that lack it on all images."""
        rank, world = get_dist_info()
        blocks = todo.blocks or []
        pending = [index for index in range(len(blocks)) if not part.done(index)]
        barrier()
        mine, batches = pending[rank::world], todo.batches.batches
        passes = sum(len(blocks[index]) for index in mine) * len(batches)
        progress = Progress(passes, title, quiet=rank != 0)
        terms, space = self.candidates.terms, self.candidates.space
        shapes = teacher_shapes(self.model.teacher, space, self.settings.image_shape)
        scorer = BlockScorer(
            terms,
            lambda block: self._evaluator([todo.archs[index] for index in block]),
            batches,
            self._loader,
            self.images.sizes,
            todo.batches.room,
            target_bytes(terms, shapes) * len(self.images),
        )
        for index in mine:
            scores = scorer(blocks[index], progress)
            self._check_finite(scores)
            part.write(index, scores)
        barrier()

    def _check_finite(self, scores: np.ndarray) -> None:
        if not np.isfinite(scores).all():
            raise UserError(
                f'checkpoint: {self.paths.get("checkpoint", "the supernet")} gives features '
                'that are not finite; its training diverged'
            )

    def _meta(self) -> dict[str, Any]:
        """Everything needed to repeat the search."""
        # the drawn images themselves are in the identity
        drawn = {} if self.settings.num_images is None else dict(images_seed=self.settings.seed)
        versions = dict(
            gaia_ssl=__version__, torch=torch.__version__, mmengine=mmengine.__version__
        )
        return dict(**self.paths, **self.identity, **drawn, versions=versions)

    def _normalise(self, images: Tensor) -> Tensor:
        device = next(self.model.parameters()).device
        data = dict(inputs=images.to(device), data_samples=None)
        return self.model.data_preprocessor(data)['inputs']
