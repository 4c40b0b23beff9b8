"""Compute the cache of a frozen teacher's embeddings before a training."""

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Subset

from gaia_ssl.datasets.training_images import training_images
from gaia_ssl.datasets.whole_images import WholeImages
from gaia_ssl.models.teachers import EmbeddingCache, FrozenTeacher
from gaia_ssl.models.teachers.cache import BLOCK
from gaia_ssl.utils import UserError

from .ddp import supernet_of

SIDE = 224
"""Side of the images for a teacher of any size."""
AT_ONCE = 64
"""Images of a pass of the teacher; on a CPU, the maps of more leave its caches."""


def prepare_cache(runner: Runner, teacher: FrozenTeacher, folder: str) -> EmbeddingCache:
    """Open a cache, after computing the embeddings that are missing; the processes share the work.

    Args:
        runner: The runner of the training.
        teacher: The teacher.
        folder: The folder of the cache.

    Raises:
        UserError: If the images of the training are not one ``TrainingImages``, or the folder
            holds the cache of others, or cannot be read or written.
    """
    parts = training_images(runner.train_dataloader.dataset)
    if len(parts) != 1:
        raise UserError(
            'model.teacher.cache: the images of the training come from '
            f'{len(parts)} TrainingImages; give one, such as a list of all images'
        )
    images = WholeImages(parts[0], teacher.input_size or SIDE)
    rank, world = get_dist_info()
    cache = EmbeddingCache(folder)
    if rank == 0:
        key = dict(teacher=teacher.digest, data=images.digest())
        cache.create(key, len(images), teacher.channels)
    barrier()
    cache.open()
    missing = cache.missing()
    barrier()  # everyone must have looked before anyone writes
    if missing:
        runner.logger.info(f'Embeddings of {sum(map(len, missing))} images go to {folder}')
    _fill(runner, teacher, images, cache, missing[rank::world])
    barrier()
    if cache.missing():
        raise UserError(
            f'model.teacher.cache: {folder} lacks what other processes computed; give a folder '
            'that all of them share'
        )
    return cache


def _fill(
    runner: Runner,
    teacher: FrozenTeacher,
    images: WholeImages,
    cache: EmbeddingCache,
    blocks: list[range],
) -> None:
    """Compute and write blocks of embeddings."""
    preprocess = supernet_of(runner).data_preprocessor
    indices = [index for block in blocks for index in block]
    loader = DataLoader(
        Subset(images, indices),
        BLOCK,
        num_workers=runner.train_dataloader.num_workers,
    )
    # all blocks but the last one of the images are of BLOCK images
    for block, batch in zip(blocks, loader, strict=True):
        [view] = preprocess(dict(inputs=[batch], data_samples=None))['inputs']
        parts = [teacher(part).embedding.float().cpu() for part in view.split(AT_ONCE)]
        cache.write(block, torch.cat(parts))
