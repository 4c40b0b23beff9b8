"""Run a whole search, from files or from Python objects."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from torch import Tensor

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.label_map_set import LabelMapSet, is_label_map_set
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.datasets.sources import as_sources
from gaia_ssl.distances import LabelScore
from gaia_ssl.models.layers import batch_norms
from gaia_ssl.models.supernet import load_supernet
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.space.search_json import Result
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import data_digest, file_digest
from gaia_ssl.utils.lock import lock
from gaia_ssl.version import __version__

from .blocks import BlockScoring
from .candidates import Candidates
from .feasible import Candidate
from .identity import settings_id, teacher_id
from .race_scoring import RaceScoring
from .racing import race_from
from .results import make_result, save_result
from .scoring import GroupScoring, Plan, Scoring, teacher_of
from .search_images import SearchImages
from .settings import Limits, SearchSettings
from .store import Store
from .strategies import Rounds
from .terms import Term, check_images, check_teacher, of_labels, whole_set

if TYPE_CHECKING:  # it imports mmpretrain
    from gaia_ssl.models.selfsup.base import SupernetSelfSupervisor


class _Todo(NamedTuple):
    """A round that is ready to be scored: the candidates that the strategy chose, and the plan."""

    candidates: list[Candidate]
    plan: Plan


class Search:
    """A search that is fully checked and ready to run, the same in every process.

    Args:
        model: A self-supervised supernet.
        images: The unlabeled images, of ``settings.input_size``.
        settings: The settings.
        weights_id: Plain data that identifies the model and its weights.
        paths: Paths of config, checkpoint and images, for the record. Defaults to none.
        labeled: Labeled images, for scores by labels. Defaults to none.

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
        labeled: LabeledImageSet | LabelMapSet | None = None,
    ) -> None:
        if not isinstance(images, ImageSet):
            raise UserError(
                f'images: {type(images).__name__} is not an ImageSet; make one, or use '
                'Search.from_files, which takes paths'
            )
        self.model, self.settings = model, settings
        self.weights_id, self.paths = weights_id or {}, paths or {}
        self.candidates = Candidates(model.student[0].space, settings)
        teacher = teacher_of(model, settings)
        # a frozen teacher keeps its own statistics
        modules = () if isinstance(teacher, FrozenEncoder) else teacher
        statistics = bool(batch_norms(*model.student, *modules))
        self.images = SearchImages(images, settings, statistics)
        terms = self.candidates.terms
        own = [term for term in terms if not isinstance(term.score, LabelScore)]
        check_images(own, len(self.images), self.images.least_group)
        check_teacher(terms, teacher)
        self.labeled = _labeled(labeled, terms, settings, statistics)
        self.settings_id = settings_id(
            settings,
            self.candidates,
            self.images,
            teacher_id(model.student, teacher),
            self.labeled,
        )
        name = str(self.paths.get('checkpoint', 'the supernet'))
        parts = (model, terms, settings, self.images, self._normalise, name)
        race = race_from(settings.race)
        self.scoring: Scoring
        if race is not None:
            _check_race(settings, terms)
            self.scoring = RaceScoring(*parts, race=race)
        elif whole_set(terms):
            self.scoring = BlockScoring(*parts, labeled=self.labeled)
        else:
            self.scoring = GroupScoring(*parts)

    @classmethod
    def from_files(
        cls,
        config: Config,
        checkpoint: str,
        images: str | os.PathLike | Iterable[str | os.PathLike],
        settings: SearchSettings,
        device: str | None = None,
        weights: str = 'online',
        labels: str | os.PathLike | None = None,
    ) -> 'Search':
        """Make a search of a trained supernet.

        Args:
            config: Training config of the supernet; its ``search`` may hold a ``pipeline``.
            checkpoint: Checkpoint of that training.
            images: Sources of unlabeled images, see ``find_images``.
            settings: The settings.
            device: The device of the networks. Defaults to the GPU if there is one.
            weights: The weights that subnets share, see ``load_supernet``.
            labels: A folder of labeled images, for scores by labels: one folder per class, or
                ``images`` and ``annotations``, see ``LabelMapSet``. Defaults to none.

        Raises:
            UserError: If anything is wrong with them; nothing has been written then.
        """
        sources = as_sources(images)
        pipeline = SearchDefaults.of(config, settings.input_size).pipeline
        found = ImageSet(sources, pipeline)
        labeled = None if labels is None else labeled_images(labels, pipeline)
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
        if labels is not None:
            paths |= dict(labels=os.fspath(labels))
        return cls(model, found, settings, weights_id, paths, labeled)

    @property
    def identity(self) -> dict[str, Any]:
        """Plain data that decides the result; two searches with equal ones have equal results."""
        return {**self.weights_id, **self.settings_id}

    def describe(self) -> str:
        """A line that says how many archs it scores, on how many images."""
        feasible = self.candidates.feasible
        number, all_archs = self.candidates.strategy.number(feasible), len(feasible)
        share = f'all {number:,}' if number == all_archs else f'{number:,} of {all_archs:,}'
        return f'scoring {share} subnets within the budget on {len(self.images):,} images'

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
        anchor_scores, images = np.empty(0), None
        facts: dict[str, Any] = {}
        while todo is not None:
            found, images, facts = self.scoring.score(store, len(scores), todo.plan)
            number = len(todo.candidates)
            if not scores:
                # the anchors come after the first round's candidates
                anchor_scores = found[number:]
                if self.settings.combine == 'spread':
                    weights = weights / _spreads(found[:number])
            subnets += todo.candidates
            scores.append(found[:number])
            todo = self._next(rounds, scores[-1] @ weights, [], limits)
        rows = np.concatenate([*scores, anchor_scores])
        meta = {**self._meta(), **facts}
        if self.settings.combine == 'spread':
            meta |= dict(spread_weights=weights.tolist())
        result = make_result(meta, subnets, self.candidates.anchors, rows, weights.tolist(), images)
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
        return _Todo(candidates, self.scoring.plan(archs, len(extra), limits))

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


def labeled_images(
    root: str | os.PathLike, pipeline: Sequence[dict]
) -> LabeledImageSet | LabelMapSet:
    """The labeled images of a folder: one folder per class, or ``images`` and ``annotations``.

    Args:
        root: The folder.
        pipeline: Configs of transforms, as for an ``ImageSet``.

    Raises:
        UserError: If there are none, or one has no label.
    """
    kind = LabelMapSet if is_label_map_set(os.fspath(root)) else LabeledImageSet
    return kind(os.fspath(root), pipeline)


def _check_race(settings: SearchSettings, terms: Sequence[Term]) -> None:
    """Check that archs can race by a search's settings.

    Raises:
        UserError: If they cannot.
    """
    if whole_set(terms):
        raise UserError(
            'race: scores of the whole set are no means over images; search by distances, or leave '
            'it out'
        )
    for name, value in (('bn_policy', 'calibrated'), ('combine', 'spread')):
        if getattr(settings, name) == value:
            raise UserError(f'{name}: {value!r} needs all images at once; leave out it or the race')
    if settings.strategy.get('type') not in ('random', 'exhaustive'):
        raise UserError(
            f'strategy: {settings.strategy.get("type")!r} scores in rounds; let random or '
            'exhaustive ones race'
        )


def _spreads(scores: np.ndarray) -> np.ndarray:
    """The standard deviation of each term, 1 where all are equal: (candidates, terms) -> (terms,).

    Differences of a size that rounding makes are none.
    """
    spreads = scores.std(0)
    return np.where(spreads > 1e-9 * np.abs(scores).max(0), spreads, 1.0)


def _labeled(
    images: LabeledImageSet | LabelMapSet | None,
    terms: Sequence[Term],
    settings: SearchSettings,
    statistics: bool,
) -> SearchImages | None:
    """The labeled images in mixed groups; all are used.

    Raises:
        UserError: If there are such images and no score reads them, or the other way round, or too
            few.
    """
    reading = [terms[index] for index in of_labels(terms)]
    kinds = {cast(LabelScore, term.score).labels: term.name for term in reading}
    if images is None:
        if reading:
            raise UserError(
                f'labels: {reading[0].name} needs labeled images; give a folder with one folder '
                'per class, or of images and annotations'
            )
        return None
    if wrong := sorted(kinds.keys() - {images.kind}):
        raise UserError(
            f'labels: {images.root} has a {images.kind} per image, and {kinds[wrong[0]]} reads a '
            f'{wrong[0]}'
        )
    if not reading:
        raise UserError('labels: no score reads them; search by label_knn or label_ridge, too')
    order = np.random.default_rng(settings.seed).permutation(len(images))
    mixed = images.select(order.tolist())
    found = SearchImages(mixed, replace(settings, num_images=None), statistics)
    check_images(reading, len(found), found.least_group)
    return found
