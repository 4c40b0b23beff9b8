"""A whole search: which subnets of a trained supernet fit these images, this task, this budget."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object, barrier, get_dist_info

from gaia_ssl.datasets.images import UnlabeledImages, default_pipeline, image_digest
from gaia_ssl.space import Budget, count_cost
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import file_digest
from gaia_ssl.version import __version__

from .distances import DEFAULTS, build_distance
from .evaluator import TreeEvaluator
from .groups import micro_batches, split_groups
from .progress import Progress
from .results import Result, make_result, save_result
from .store import GroupStore
from .strategies import STRATEGIES, Candidate, Feasible
from .supernet import load_supernet
from .tree import Tap, steps_and_taps


@dataclass(frozen=True)
class SearchSettings:
    """What is searched for; together with the supernet and the images it decides the result.

    Args:
        task: ``'global'`` (classification) or ``'dense'`` (detection, segmentation).
        distance: Name of the distance. Defaults to the task's, see ``build_distance``.
        stages: Stages, from 0, whose feature maps a dense distance compares. Defaults to the
            last one.
        budget: What a subnet may cost. Defaults to anything.
        strategy: Which archs are scored, one of ``STRATEGIES``. Defaults to ``'random'``.
        num: How many archs ``'random'`` draws. Defaults to 100.
        seed: Seed of the draw. Defaults to 0.
        bn_group: Most images that share batch-norm statistics. Defaults to 64.
        input_size: Side of the images in pixels. Defaults to the config's, then to 224.
    """

    task: str
    distance: str | None = None
    stages: Sequence[int] | None = None
    budget: Budget = field(default_factory=Budget)
    strategy: str = 'random'
    num: int = 100
    seed: int = 0
    bn_group: int = 64
    input_size: int | None = None


class Search:
    """A search that is fully checked and ready to run, the same in every process.

    Args:
        config: Training config of the supernet; its ``search`` may hold ``input_size`` and
            ``pipeline``.
        checkpoint: Checkpoint of that training.
        images: Folder of unlabeled images.
        settings: What is searched for.
        device: Where the networks run. Defaults to the GPU if there is one.

    Raises:
        UserError: If any of it is wrong; nothing has been written then.
    """

    def __init__(
        self,
        config: Config,
        checkpoint: str,
        images: str,
        settings: SearchSettings,
        device: str | None = None,
    ) -> None:
        options = config.get('search', {})
        self.input_size = options.get('input_size', 224)
        if settings.input_size is not None:
            self.input_size = settings.input_size
        if self.input_size < 1:
            raise UserError(f'input_size: {self.input_size} is not a number of pixels')
        self.pipeline = options.get('pipeline') or default_pipeline(self.input_size)
        self.settings = settings
        distance = build_distance(settings.task, settings.distance)
        if settings.strategy not in STRATEGIES:
            raise UserError(
                f'strategy: {settings.strategy!r} is not one of {", ".join(STRATEGIES)}'
            )
        self.images = UnlabeledImages(images, self.pipeline)
        self.groups = split_groups(len(self.images), settings.bn_group)

        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        self.model = load_supernet(config, checkpoint).to(self.device)
        student, teacher = self.model.student, self.model.teacher
        self.space = student[0].space
        self.stages = self._stages()
        self.subnets, self.anchors = self._candidates()
        archs = [c.arch for c in (*self.subnets, *self.anchors.values())]
        self.evaluator = TreeEvaluator(student, teacher, distance, self.stages, archs)
        self.places = dict(config=config.filename, checkpoint=checkpoint, images=images)
        self.identity = self._identity(config, checkpoint, online=teacher[0] is student[0])
        self.images.check_size(self.input_size, 'input_size')

    def _stages(self) -> tuple[int, ...] | None:
        last = len(self.space.path(self.space.max).stages) - 1
        stages = self.settings.stages
        if self.settings.task == 'global':
            if stages is not None:
                raise UserError('stages: only task dense compares stages; leave them out')
            return None
        stages = sorted({last} if stages is None else set(stages))
        if not stages or stages[0] < 0 or stages[-1] > last:
            raise UserError(f'stages: {stages} are not among 0 to {last}')
        size = (self.input_size, self.input_size)
        for step in steps_and_taps(self.space.path(self.space.max), stages):
            if not isinstance(step, Tap):
                _, size = self.space.family.step_cost(step, 1, size)
            elif size == (1, 1):
                raise UserError(
                    f'stages: the maps of stage {stages[step.index]} are 1x1 at '
                    f'{self.input_size} px, and a dense distance compares positions; choose '
                    'earlier --stages or a larger --input-size'
                )
        return tuple(stages)

    def _candidates(self) -> tuple[list[Candidate], dict[str, Candidate]]:
        chosen, size = self.settings, self.input_size
        feasible = Feasible(self.space, chosen.budget, size)
        subnets = STRATEGIES[chosen.strategy](feasible, chosen.num, chosen.seed)
        anchors = {
            name: Candidate(arch, count_cost(self.space, arch, size))
            for name, arch in self.space.anchors.items()
        }
        return subnets, anchors

    def _identity(self, config: Config, checkpoint: str, online: bool) -> dict[str, Any]:
        """What decides the result, apart from where its files lie."""
        chosen = self.settings
        return dict(
            checkpoint_sha256=file_digest(checkpoint),
            model_sha256=_digest(config.model),
            space=self.space.to_dict(),
            images_count=len(self.images),
            images_sha256=_digest(list(zip(self.images.names, self._image_digests()))),
            input_size=self.input_size,
            pipeline=json.loads(json.dumps(self.pipeline, default=str)),
            task=chosen.task,
            distance=chosen.distance or DEFAULTS[chosen.task],
            stages=self.stages and list(self.stages),
            teacher='online' if online else 'ema',
            bn=dict(policy='group', group=chosen.bn_group),
            budget={
                name: [bound if np.isfinite(bound) else None for bound in interval]
                for name, interval in chosen.budget.intervals.items()
            },
            strategy=chosen.strategy,
            num=chosen.num if chosen.strategy == 'random' else None,
            seed=chosen.seed if chosen.strategy == 'random' else None,
            num_subnets=len(self.subnets),
        )

    def _image_digests(self) -> list[str]:
        """The digest of every image; each process reads a share of them."""
        rank, world = get_dist_info()
        digests, error = [], None
        try:
            with ThreadPoolExecutor(_DECODERS) as pool:
                paths = map(self.images.path, range(rank, len(self.images), world))
                digests = list(pool.map(image_digest, paths))
        except UserError as unreadable:
            error = str(unreadable)
        shares = all_gather_object((digests, error))
        for _, error in shares:
            if error:
                raise UserError(error)
        return [shares[i % world][0][i // world] for i in range(len(self.images))]

    def run(self, work_dir: str, resume: bool = False, micro_batch: int = 1) -> Result:
        """Score the candidates, and in the first process write the result.

        Args:
            work_dir: Folder of the result; several processes share it.
            resume: Go on with the search that the folder holds. Defaults to False.
            micro_batch: Batch-norm groups that run together: memory and speed, not the result.
                Defaults to 1.

        Returns:
            The result, see ``make_result``.

        Raises:
            UserError: If the folder holds a search that this one does not go on with, or cannot
                be written, or a distance is not finite.
        """
        rank, world = get_dist_info()
        batches = micro_batches(len(self.groups), micro_batch)
        candidates = len(self.subnets) + len(self.anchors)
        store = GroupStore(work_dir, self.identity, (len(self.groups), candidates))
        if rank == 0:
            store.open(resume)
        barrier()
        pending = [batch for batch in batches if not all(map(store.done, batch))]
        # everyone must have looked before anyone writes
        barrier()
        mine = pending[rank::world]
        progress = Progress(candidates * len(mine), quiet=rank != 0)
        for batch, images in zip(mine, self._load(mine)):
            sums = self.evaluator(images, [len(self.groups[g]) for g in batch], progress)
            if not np.isfinite(sums).all():
                raise UserError(
                    f'checkpoint: {self.places["checkpoint"]} gives features that are not finite; '
                    'its training diverged'
                )
            for group, row in zip(batch, sums, strict=True):
                store.write(group, row)
        barrier()
        distances = store.total() / len(self.images)
        meta = dict(**self.places, **self.identity, versions=_versions())
        result = make_result(meta, self.subnets, self.anchors, list(distances))
        if rank == 0:
            save_result(result, work_dir)
        return result

    def _load(self, batches: list[range]) -> Iterator[torch.Tensor]:
        """The normalised images of each batch; the next one is decoded meanwhile."""
        with ThreadPoolExecutor(_DECODERS) as pool:

            def submit(batch: range) -> list:
                indices = (i for group in batch for i in self.groups[group])
                return [pool.submit(self.images.__getitem__, i) for i in indices]

            following = submit(batches[0]) if batches else []
            for index in range(len(batches)):
                current, following = following, []
                images = torch.stack([image.result() for image in current])
                if index + 1 < len(batches):
                    following = submit(batches[index + 1])
                data = dict(inputs=images.to(self.device), data_samples=None)
                yield self.model.data_preprocessor(data)['inputs']


_DECODERS = 4  # threads that decode images: Pillow releases Python's lock


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def _versions() -> dict[str, str]:
    return dict(gaia_ssl=__version__, torch=torch.__version__, mmengine=mmengine.__version__)
