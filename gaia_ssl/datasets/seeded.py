"""Samples that are a function of (seed, epoch, index), in an order that can be entered anywhere.

What a sampler yields names not only the sample but also the randomness of its transforms. It
travels to whichever process loads the sample: any number of workers, alive for however long, give
the same one, and so does a resumed training.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import Any, NamedTuple

import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import Dataset

from gaia_ssl.registry import DATA_SAMPLERS, DATASETS
from gaia_ssl.utils.seed import seed_generators

# keeps a sample's randomness apart from that of an iteration with the same numbers
STREAM = 0


class SampleKey(NamedTuple):
    """Names a sample and the randomness of its transforms."""

    index: int
    epoch: int
    seed: int


@DATASETS.register_module()
class SeededDataset(Dataset):
    """A dataset whose transforms draw from generators seeded for each sample.

    Args:
        dataset: Config of the dataset.
    """

    def __init__(self, dataset: dict) -> None:
        self.dataset = DATASETS.build(dataset)
        self.metainfo = getattr(self.dataset, 'metainfo', {})

    def full_init(self) -> None:
        """Load the annotations of an OpenMMLab dataset, as the Runner asks for."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: SampleKey) -> Any:
        """The sample at ``key.index``, its transforms seeded by the whole key."""
        seed_generators(STREAM, key.seed, key.epoch, key.index)
        return self.dataset[key.index]


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """MMEngine's ``DefaultSampler``, naming each sample's randomness, entered at ``start``.

    Args:
        args, kwargs: See ``DefaultSampler``.

    Attributes:
        start: How many of this process's samples of an epoch to leave out. Defaults to 0.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleKey]:
        """The epoch's samples of this process; the length counts those left out as well."""
        for index in islice(super().__iter__(), self.start, None):
            yield SampleKey(index, self.epoch, self.seed)


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """Epoch after epoch without an end, each in its own order; entered at ``start``.

    As MMEngine's ``InfiniteSampler``, whose order, however, is one generator's history.

    Args:
        args, kwargs: See ``InfiniteSampler``.

    Attributes:
        start: How many of this process's samples to leave out. Defaults to 0.
    """

    start = 0

    def __iter__(self) -> Iterator[SampleKey]:
        """This process's samples: every ``world_size``-th of the endless sequence."""
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
