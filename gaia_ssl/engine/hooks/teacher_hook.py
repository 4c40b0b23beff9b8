"""Prepare a supernet's frozen teacher before a training, and record it in the checkpoints."""

from collections.abc import Iterator

import torch
from mmengine.dist import barrier, broadcast, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from gaia_ssl.datasets.seeded import SampleKey, SeededDataset
from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.engine.teacher_cache import prepare_cache
from gaia_ssl.models.teachers import FrozenEncoder, FrozenTeacher, PrincipalComponents
from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError
from gaia_ssl.utils.openmmlab import resumed_from

OF_TEACHER = ('embedding_map.', 'queue')
"""Beginnings of the keys of what is made of the teacher's embeddings."""


@HOOKS.register_module()
class TeacherHook(Hook):
    """Prepares the frozen teacher of a supernet, and checks it.

    Checkpoints hold the teacher's digest, and a training with another teacher is not resumed.

    The cache of its embeddings is completed, if there is one. For a ``DynamicDistill``, their
    principal components are computed once, before the first iteration, on randomly drawn images: on
    the cache, or else on the first training view of each. The draw is a function of the seed. A
    resumed training has them from the checkpoint.

    Args:
        num_images: The most images that the components are computed on. Defaults to 4096.

    Raises:
        UserError: If it is not positive.
    """

    def __init__(self, num_images: int = 4096) -> None:
        if num_images < 1:
            raise UserError(f'TeacherHook.num_images: {num_images} is too few; give 1 or more')
        self.num_images = num_images

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to resume with another teacher, and load nothing that depends on another one.

        Raises:
            UserError: If the training is resumed and the checkpoint's teacher is another one.
        """
        path, meta = resumed_from(runner), checkpoint.get('meta', {})
        teacher = _teacher(runner)
        if path is not None:
            teacher.check_recorded(meta, f'resume: {path}')
        elif _encoder(runner) is not None and meta.get('teacher', teacher.digest) != teacher.digest:
            weights = checkpoint['state_dict']
            for key in [key for key in weights if key.startswith(OF_TEACHER)]:
                del weights[key]

    def before_train(self, runner: Runner) -> None:
        """Complete the cache, and compute the components unless they are there."""
        teacher, encoder = _teacher(runner), _encoder(runner)
        if teacher.cache_folder is not None:
            teacher.cache = prepare_cache(runner, teacher, teacher.cache_folder)
        if encoder is None:
            return
        components = encoder.embedding_map
        if not isinstance(components, PrincipalComponents) or components.fitted:
            return
        # the others wait
        if is_main_process():
            runner.logger.info('Principal components of the teacher are computed')
            components.fit(self._embeddings(runner))
        barrier()
        for buffer in components.buffers():
            broadcast(buffer)
        supernet_of(runner).start_neck()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the digest of the teacher."""
        checkpoint['meta']['teacher'] = _teacher(runner).digest

    def _embeddings(self, runner: Runner) -> Tensor:
        """The teacher's embeddings of randomly drawn images, (M, D), on the CPU."""
        cache, dataset = _teacher(runner).cache, runner.train_dataloader.dataset
        generator = torch.Generator().manual_seed(runner.seed)
        number = len(dataset if cache is None else cache)
        order = torch.randperm(number, generator=generator)[: self.num_images].tolist()
        return torch.cat(list(self._of_views(runner, order))) if cache is None else cache[order]

    def _of_views(self, runner: Runner, order: list[int]) -> Iterator[Tensor]:
        """The teacher's embeddings of training views, (N, D) per batch."""
        loader, model = runner.train_dataloader, supernet_of(runner)
        seeded = isinstance(loader.dataset, SeededDataset)
        keys = [SampleKey(index, 0, runner.seed) for index in order] if seeded else order
        views = DataLoader(
            loader.dataset,
            loader.batch_size,
            sampler=keys,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            worker_init_fn=loader.worker_init_fn,
            generator=torch.Generator(),  # the global one stays as it is
        )
        for batch in views:
            images = model.data_preprocessor(batch, training=True)['inputs'][0]
            yield _teacher(runner)(images).embedding.cpu()


def _teacher(runner: Runner) -> FrozenTeacher:
    """The frozen network that the subnets learn from.

    Raises:
        UserError: If there is none.
    """
    teacher = supernet_of(runner).frozen_teacher
    if teacher is None:
        raise UserError('TeacherHook: the model has no frozen teacher; remove the hook')
    return teacher


def _encoder(runner: Runner) -> FrozenEncoder | None:
    """The frozen teacher of a ``DynamicDistill``; None for methods that it only guides."""
    teacher = supernet_of(runner).teacher
    return teacher if isinstance(teacher, FrozenEncoder) else None
