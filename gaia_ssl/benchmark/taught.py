"""Training iterations with a frozen teacher to be timed: whole, the teacher, and the subnets."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from gaia_ssl.models.selfsup import DynamicDistill
from gaia_ssl.models.selfsup.frozen_teacher import TeacherTargets
from gaia_ssl.models.teachers import EmbeddingCache
from gaia_ssl.registry import MODELS
from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.utils.paths import CONFIGS

from .iterations import train_supernet

CONFIG = CONFIGS / 'distill/distill_ar50to101_8xb32-coslr-100e_in1k.py'
CACHED = 4096
"""Images of a cache."""


def build_taught(
    space: SearchSpace, batch_size: int, channels_last: bool = False, cached: bool = False
) -> DynamicDistill:
    """The config's supernet on a space, in training mode, with a teacher of random weights.

    Args:
        space: The search space.
        batch_size: Images of an iteration; the queue is cut to a multiple of it.
        channels_last: Keep convolutions in channels-last order. Defaults to False.
        cached: Look the teacher's embeddings up in a cache of random ones, and leave out the dense
            loss. Defaults to False.
    """
    model = Config.fromfile(CONFIG).model
    stages = space.path(space.max).stages
    model.backbone.update(space=space.to_dict(), norm_cfg=dict(type='BN'))
    model.neck.in_channels = stages[-1][-1].out_channels
    model.neck.norm_cfg = dict(type='BN1d')
    model.head.losses.dense_kl.stages = [-1]
    if cached:
        del model.head.losses['dense_kl']
    model.queue_len -= model.queue_len % batch_size
    options = {k: v for k, v in model.teacher.items() if k in ('type', 'depth')}
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / 'teacher.pth')
        torch.save(MODELS.build(options).state_dict(), file)
        model.teacher.init_cfg.checkpoint = file
        taught = MODELS.build(
            dict(model, type='gaia_ssl.DynamicDistill', channels_last=channels_last)
        )
    torch.nn.init.orthogonal_(taught.embedding_map.components)
    if cached:
        teacher = taught.frozen_teacher
        teacher.cache_folder = tempfile.mkdtemp(prefix='gaia_ssl_cache')
        teacher.cache = _random_cache(teacher.cache_folder, teacher.channels)
    return taught.train()


def _random_cache(folder: str, channels: int) -> EmbeddingCache:
    """A cache of random embeddings, in files that are gone when it is."""
    cache = EmbeddingCache(folder)
    cache.create(dict(teacher='random', data='random'), CACHED, channels)
    cache.open()
    for block in cache.missing():
        cache.write(block, torch.randn(len(block), channels))
    shutil.rmtree(folder)  # the mapped files stay until the process ends
    return cache


class TaughtIteration:
    """An iteration with a teacher, the same with targets that are there already, and a pass.

    Args:
        taught: The supernet.
        data: A batch; its first view is used.
        optim_wrapper: Steps the supernet.
    """

    def __init__(self, taught: DynamicDistill, data: dict, optim_wrapper: OptimWrapper) -> None:
        self.taught, self.optim_wrapper = taught, optim_wrapper
        samples = [
            DataSample(metainfo=dict(sample_idx=index * 37 % CACHED))
            for index in range(len(data['inputs'][0]))
        ]
        self.data = dict(inputs=data['inputs'][:1], data_samples=samples)
        [self.view] = taught.data_preprocessor(self.data, training=True)['inputs']
        self.known = self._targets()

    def whole(self, archs: Sequence[Arch]) -> None:
        """An iteration."""
        train_supernet(self.taught, archs, self.data, self.optim_wrapper)

    def students(self, archs: Sequence[Arch]) -> None:
        """An iteration without the teacher's pass."""
        with patch.object(self.taught, 'targets', lambda inputs, data_samples: self.known):
            train_supernet(self.taught, archs, self.data, self.optim_wrapper)

    def teacher_pass(self, archs: Sequence[Arch]) -> Any:
        """One pass of the teacher's network alone."""
        frozen = self.taught.encoder.teacher
        with self.optim_wrapper.optim_context(self.taught), torch.no_grad():
            return frozen.network(self.view)

    @torch.no_grad()
    def _targets(self) -> TeacherTargets:
        with self.optim_wrapper.optim_context(self.taught):
            return self.taught.targets([self.view], self.data['data_samples'])
