"""A whole search: which subnets of a trained supernet fit these images, this task, this budget."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import mmengine
import numpy as np
import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.dist import barrier, get_dist_info
from torch import Tensor

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.readable import readable_images
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.models.supernet import load_supernet
from gaia_ssl.space import Budget
from gaia_ssl.space.latency import LatencyTable
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import data_digest, file_digest
from gaia_ssl.utils.validation import check_types
from gaia_ssl.version import __version__

from .batchnorm import group_statistics, set_statistics
from .distances import TASKS
from .evaluator import TreeEvaluator
from .feasible import Candidate, CostModel, Feasible
from .groups import check_limits, micro_batches, process_share, split_groups
from .loading import BatchLoader
from .progress import Progress
from .results import Result, make_result, save_result
from .store import Round, Store
from .strategies import build_strategy
from .terms import build_terms, check_groups, check_maps, describe

STATISTICS = dict(group=group_statistics, calibrated=set_statistics)
# bytes of features that may wait for company, where no bound is given
ROOM = 512 * 2**20
DTYPES = dict(float32=torch.float32, bfloat16=torch.bfloat16, float16=torch.float16)


@dataclass(frozen=True)
class SearchSettings:
    """What is searched for; together with the supernet and the images it decides the result.

    Args:
        task: ``'global'`` (classification) or ``'dense'`` (detection, segmentation).
        distance: Name of the distance, or names and weights of several, see ``build_terms``.
            Defaults to the task's.
        stages: Stages, from 0, whose feature maps a dense distance compares. Defaults to the
            last one.
        distance_options: Options of the distances, such as ``grid``. Defaults to none.
        budget: What a subnet may cost. Defaults to anything.
        latencies: Path of a table of measured latencies. Defaults to none.
        strategy: Which archs are scored, see ``build_strategy``. Defaults to 100 random ones.
        bn_policy: Batch norms take their statistics from each ``'group'`` of images, or are
            ``'calibrated'`` for each path on all images. Defaults to ``'group'``.
        bn_group: Most images that form a group. Defaults to 64.
        input_size: Side of the images in pixels. Defaults to 224.
        dtype: Precision of the networks: ``'float32'``, ``'bfloat16'`` or ``'float16'``.
            Defaults to the first.
        num_images: Search on so many of the images, drawn uniformly by ``seed``. Defaults to all.
        max_bad: Share of the images that may be unreadable; they are skipped. Defaults to none.
        seed: Seed of the draw of images, and of the archs' where the strategy draws them and is
            not given its own. Defaults to 0.

    Raises:
        UserError: If one is of the wrong type, unknown or unfit.
    """

    task: str
    distance: str | dict[str, float] | None = None
    stages: Sequence[int] | None = None
    distance_options: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    latencies: str | None = None
    strategy: dict[str, Any] = field(default_factory=lambda: dict(type='random'))
    bn_policy: str = 'group'
    bn_group: int = 64
    input_size: int = 224
    dtype: str = 'float32'
    num_images: int | None = None
    max_bad: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for name, known in dict(task=TASKS, bn_policy=STATISTICS, dtype=DTYPES).items():
            if (value := getattr(self, name)) not in list(known):
                raise UserError(f'{name}: {value!r} is not one of {", ".join(known)}')
        check_types(self)
        if self.input_size < 1:
            raise UserError(f'input_size: {self.input_size} is not a number of pixels')
        if self.seed < 0:
            raise UserError(f'seed: {self.seed} is negative; give 0 or more')

    @classmethod
    def from_config(cls, options: dict[str, Any]) -> 'SearchSettings':
        """Settings as a config gives them: ``dict(task='dense', budget=dict(flops=('3G', '4G')))``.

        Raises:
            UserError: If one is missing, unknown or unfit.
        """
        names = [field.name for field in fields(cls)]
        if unknown := sorted(options.keys() - set(names)):
            raise UserError(
                f'{unknown[0]}: a search has no such setting; it has {", ".join(names)}'
            )
        if 'task' not in options:
            raise UserError(f'task: missing; give one of {", ".join(TASKS)}')
        return cls(**dict(options, budget=Budget.parse(options.get('budget', {}))))


class Search:
    """A search that is fully checked and ready to run, the same in every process.

    Args:
        model: A self-supervised supernet.
        images: The unlabeled images, of ``settings.input_size``.
        settings: What is searched for.
        source: What identifies the model and its weights, as plain data.
        places: Where config, checkpoint and images are, for the record. Defaults to nowhere.

    Attributes:
        source: See the argument; to be set again where the weights have changed.

    Raises:
        UserError: If any of it is wrong; nothing has been written then.
    """

    def __init__(
        self,
        model: nn.Module,
        images: ImageSet,
        settings: SearchSettings,
        source: dict[str, Any] | None = None,
        places: dict[str, str] | None = None,
    ) -> None:
        self.model, self.settings = model, settings
        self.source = source or {}
        self.places = places or {}
        self.strategy = build_strategy(settings.strategy, settings.seed)
        self.space = model.student[0].space
        path = self.space.path(self.space.max)
        self.terms = build_terms(
            settings.task,
            settings.distance,
            settings.stages,
            len(path.stages),
            settings.distance_options,
        )
        size = (settings.input_size, settings.input_size)
        check_maps(self.terms, self.space, size)
        latencies = (
            LatencyTable.load(settings.latencies, self.space) if settings.latencies else None
        )
        cost_model = CostModel(
            self.space, settings.input_size, list(settings.budget.intervals), latencies
        )
        self.feasible = Feasible(cost_model, settings.budget)
        self.strategy.check(self.feasible)
        self.anchors = {k: cost_model.candidate(arch) for k, arch in self.space.anchors.items()}
        if settings.num_images is not None:
            images = images.subset(settings.num_images, settings.seed)
        # what reads all images comes last
        self.images, digests, self.bad = readable_images(images, settings.max_bad)
        self.groups = split_groups(len(self.images), settings.bn_group)
        check_groups(self.terms, min(map(len, self.groups)))
        self.images.check_size(settings.input_size, 'input_size')
        self.loader = BatchLoader(self.images, self.groups, self._normalise)
        self.facts = self._facts(digests)

    @classmethod
    def from_files(
        cls,
        config: Config,
        checkpoint: str,
        images: str | Sequence[str],
        settings: SearchSettings,
        device: str | None = None,
    ) -> 'Search':
        """A search of a trained supernet.

        Args:
            config: Training config of the supernet; its ``search`` may hold a ``pipeline``.
            checkpoint: Checkpoint of that training.
            images: Where unlabeled images are, see ``find_images``.
            settings: What is searched for.
            device: Where the networks run. Defaults to the GPU if there is one.

        Raises:
            UserError: If any of it is wrong; nothing has been written then.
        """
        found = ImageSet(images, SearchDefaults.of(config, settings.input_size).pipeline)
        device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        model = load_supernet(config, checkpoint).to(device)
        source = dict(
            checkpoint_sha256=file_digest(checkpoint), model_sha256=data_digest(config.model)
        )
        places = dict(
            config=config.filename,
            checkpoint=checkpoint,
            images=images if isinstance(images, str) else list(images),
        )
        return cls(model, found, settings, source, places)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the result, apart from where its files lie."""
        return {**self.source, **self.facts}

    def _facts(self, digests: list[str]) -> dict[str, Any]:
        """The images and settings, as plain data."""
        chosen, strategy = self.settings, self.strategy.to_dict()
        stages = sorted({s for t in self.terms if t.name.startswith('dense_') for s in t.stages})
        return dict(
            space=self.space.to_dict(),
            images_count=len(self.images),
            images_sha256=data_digest(list(zip(self.images.names, digests))),
            images_bad=[dict(name=bad.name, reason=bad.reason) for bad in self.bad],
            input_size=chosen.input_size,
            pipeline=json.loads(json.dumps(self.images.pipeline, default=str)),
            task=chosen.task,
            distance=describe(self.terms, chosen.task),
            distances=[term.to_dict() for term in self.terms],
            stages=stages or None,
            teacher='online' if self.model.teacher[0] is self.model.student[0] else 'ema',
            bn=dict(policy=chosen.bn_policy, group=chosen.bn_group),
            dtype=chosen.dtype,
            budget={
                name: [bound if np.isfinite(bound) else None for bound in interval]
                for name, interval in chosen.budget.intervals.items()
            },
            latencies=file_digest(chosen.latencies) if chosen.latencies else None,
            strategy=strategy.pop('type'),
            **strategy,
            num_feasible=len(self.feasible),
        )

    def run(
        self,
        work_dir: str,
        resume: bool = False,
        micro_batch: int = 1,
        max_memory: str | float | None = None,
    ) -> Result:
        """Score the candidates, and in the first process write the result.

        Args:
            work_dir: Folder of the result; several processes share it.
            resume: Go on with the search that the folder holds. Defaults to False.
            micro_batch: Batch-norm groups that run together: memory and speed, not the result.
                Defaults to 1.
            max_memory: Bytes of activations to stay below, such as ``'8G'``; as many groups run
                together as it allows. Defaults to no bound.

        Returns:
            The result, see ``make_result``.

        Raises:
            UserError: If the folder holds a search that this one does not go on with, or cannot
                be written, a limit is none, the memory does not do, or a distance is not finite.
        """
        limits = check_limits(micro_batch, max_memory)
        rank, _ = get_dist_info()
        store = Store(work_dir, self.identity)
        rounds = self.strategy.rounds(self.feasible)
        # what can fail comes before anything is written
        todo = self._next(rounds, None, list(self.anchors.values()), **limits)
        if rank == 0:
            store.open(resume)
        barrier()
        subnets, scores, weights = [], [], np.array([term.weight for term in self.terms])
        while todo is not None:
            candidates, evaluator, batches = todo
            shape = (evaluator.num_candidates, len(self.terms))
            part = store.round(len(scores), len(self.groups), shape)
            room = self._room(evaluator.need, batches, limits['max_memory'])
            self._score(part, evaluator, batches, room, f'round {len(scores) + 1}: ')
            found = part.total() / len(self.images)
            # the anchors come after the first round's candidates
            subnets += candidates
            scores.append(found[: len(candidates)])
            if len(scores) == 1:
                anchor_scores = found[len(candidates) :]
            todo = self._next(rounds, scores[-1] @ weights, [], **limits)
        # the images themselves are in the identity
        drawn = {} if self.settings.num_images is None else dict(images_seed=self.settings.seed)
        meta = dict(**self.places, **self.identity, **drawn, versions=_versions())
        scores = np.concatenate([*scores, anchor_scores])
        result = make_result(meta, subnets, self.anchors, scores, weights.tolist())
        if rank == 0:
            save_result(result, work_dir)
        return result

    def _next(
        self,
        rounds: Generator,
        distances: np.ndarray | None,
        extra: list[Candidate],
        micro_batch: int,
        max_memory: float | None,
    ) -> tuple[list[Candidate], TreeEvaluator, list[range]] | None:
        """The next round's candidates, what scores them (and ``extra``), and which groups at once.

        Args:
            rounds: The strategy's rounds.
            distances: Those of the round before, None before the first.
            extra: Candidates that are scored after the round's own.
            micro_batch, max_memory: See ``run``.

        Returns:
            None after the last round.
        """
        try:
            candidates = [self.feasible[index] for index in rounds.send(distances)]
        except StopIteration:
            return None
        evaluator = TreeEvaluator(
            self.model.student,
            self.model.teacher,
            self.terms,
            [candidate.arch for candidate in (*candidates, *extra)],
            (self.settings.input_size, self.settings.input_size),
            STATISTICS[self.settings.bn_policy],
            DTYPES[self.settings.dtype],
        )
        return candidates, evaluator, self._batches(evaluator.need, micro_batch, max_memory)

    def _score(
        self,
        part: Round,
        evaluator: TreeEvaluator,
        batches: list[range],
        room: float,
        title: str,
    ) -> None:
        """Score a round's candidates on the groups that lack it, in all processes together."""
        rank, world = get_dist_info()
        pending = [batch for batch in batches if not all(map(part.done, batch))]
        # everyone must have looked before anyone writes
        barrier()
        if self.settings.bn_policy == 'calibrated' and pending:
            # norms gather from all processes, those whose own groups are done among them
            pending = batches
        mine = pending[rank::world]
        progress = Progress(evaluator.num_candidates * len(mine), title, quiet=rank != 0)
        for batch, images in zip(mine, self.loader(mine)):
            sums = evaluator(images, self._sizes(batch), progress, room)
            if not np.isfinite(sums).all():
                raise UserError(
                    f'checkpoint: {self.places.get("checkpoint", "the supernet")} gives features '
                    'that are not finite; its training diverged'
                )
            for group, row in zip(batch, sums, strict=True):
                part.write(group, row)
        barrier()

    def _batches(self, need: int, micro_batch: int, max_memory: float | None) -> list[range]:
        """The groups that run together.

        Args:
            need: Bytes of activations that one image needs.
            micro_batch: How many groups, if no memory is given.
            max_memory: Bytes to stay below.

        Raises:
            UserError: If even the least that must run together needs more.
        """
        group = max(map(len, self.groups))
        if self.settings.bn_policy == 'calibrated':
            batches = process_share(len(self.groups), get_dist_info()[1])
            least = max(sum(self._sizes(batch)) for batch in batches)
            advice = f'calibrated statistics take all {least} images of a process at once'
        else:
            least, advice = group, f'a group of {group} images runs at once; lower --bn-group'
            if max_memory is not None:
                micro_batch = max(1, int(max_memory // (need * group)))
            batches = micro_batches(len(self.groups), micro_batch)
        if max_memory is not None and need * least > max_memory:
            raise UserError(
                f'max_memory: {max_memory / 2**30:.3g} GiB are too few for '
                f'{need * least / 2**30:.3g} GiB of activations: {advice}'
            )
        return batches

    def _room(self, need: int, batches: list[range], max_memory: float | None) -> float:
        """Bytes for features to wait in, beside what the largest batch needs."""
        if self.settings.bn_policy == 'calibrated':
            return 0  # processes that wait differently would not meet in their norms
        if max_memory is None:
            return ROOM
        return max_memory - need * max(sum(self._sizes(batch)) for batch in batches)

    def _sizes(self, batch: range) -> list[int]:
        return [len(self.groups[group]) for group in batch]

    def _normalise(self, images: Tensor) -> Tensor:
        device = next(self.model.parameters()).device
        data = dict(inputs=images.to(device), data_samples=None)
        return self.model.data_preprocessor(data)['inputs']


def _versions() -> dict[str, str]:
    return dict(gaia_ssl=__version__, torch=torch.__version__, mmengine=mmengine.__version__)
