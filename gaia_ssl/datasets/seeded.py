"""Samples that are a pure function of (seed, epoch, index), and samplers that start at any batch.

A sampler yields keys that hold the index of a sample and the seed of its transforms. The process
that loads a sample gets its key, so the sample depends neither on the number nor on the history of
the workers, and a resumed training sees the same samples.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import Any, NamedTuple

import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import Dataset

from gaia_ssl.registry import DATA_SAMPLERS, DATASETS
from gaia_ssl.utils.seed import seed_generators

# separates the random stream of a sample from that of an iteration with the same numbers
STREAM = 0


class SampleKey(NamedTuple):
    """The index of a sample and the seed of its transforms."""

    sample: int
    epoch: int
    seed: int


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A dataset that seeds the generators of its transforms for each sample.

    Args:
        dataset: Config of the dataset.
    """

    def __init__(self, dataset: dict) -> None:
        self.dataset = DATASETS.build(dataset)
        self.metainfo = getattr(self.dataset, 'metainfo', {})

    def full_init(self) -> None:
        """Load the annotations of an OpenMMLab dataset, which the Runner requests."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: SampleKey) -> Any:
        """The sample at ``key.sample``, its transforms seeded by the whole key."""
        seed_generators(STREAM, key.seed, key.epoch, key.sample)
        return self.dataset[key.sample]


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's ``DefaultSampler`` with sample keys and a ``start`` position.

    Args:
        args, kwargs: See ``DefaultSampler``.

    Attributes:
        start: Number of this process's samples of an epoch to skip. Defaults to 0.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleKey]:
        """Keys of this process's samples of an epoch; the length counts skipped samples as well."""
        for index in islice(super().__iter__(), self.start, None):
            yield SampleKey(index, self.epoch, self.seed)


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """MMEngine's ``InfiniteSampler`` with sample keys and a ``start`` position.

    The order of an epoch is a function of seed and epoch; in MMEngine it depends on all epochs
    before.

    Args:
        args, kwargs: See ``InfiniteSampler``.

    Attributes:
        start: Number of this process's samples to skip. Defaults to 0.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleKey]:
        """Keys of this process's samples: every ``world_size``-th of the endless sequence."""
        first, offset = divmod(self.start * self.world_size + self.rank, self.size)
        for epoch in count(first):
            for index in self._order(epoch)[offset :: self.world_size]:
                yield SampleKey(index, epoch, self.seed)
            offset = (offset - self.size) % self.world_size

    def _order(self, epoch: int) -> list[int]:
        if not self.shuffle:
            return list(range(self.size))
        generator = torch.Generator().manual_seed(self.seed + epoch)
        return torch.randperm(self.size, generator=generator).tolist()
