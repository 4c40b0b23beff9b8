import random
from itertools import islice

import mmengine.dataset.sampler
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from gaia_ssl.datasets import SeededDataset, SeededInfiniteSampler, SeededSampler
from gaia_ssl.datasets.seeded import SampleKey
from gaia_ssl.registry import DATASETS

SIZES = st.integers(1, 40)
RANKS = st.integers(1, 4)
SEEDS = st.integers(0, 3)


@DATASETS.register_module()
class NoisyNumbers(Dataset):
    """A sample draws from each global generator, the more often the larger its index."""

    metainfo = dict(classes=('noise',))

    def __len__(self):
        return 10

    def __getitem__(self, index):
        for _ in range(index + 1):
            draws = [random.random(), np.random.rand(), torch.rand(()).item()]
        return torch.tensor([index, *draws], dtype=torch.float64)


def samplers(kind, size, world_size, seed, start=0, **options):
    """A sampler for each process."""
    original = mmengine.dataset.sampler.get_dist_info
    made = []
    for rank in range(world_size):
        mmengine.dataset.sampler.get_dist_info = lambda rank=rank: (rank, world_size)
        try:
            made.append(kind(range(size), seed=seed, **options))
        finally:
            mmengine.dataset.sampler.get_dist_info = original
        made[-1].start = start
    return made


@given(SIZES, RANKS, SEEDS, st.integers(0, 5))
def test_an_epoch_is_a_permutation_shared_out(size, world_size, seed, epoch):
    shares = []
    for sampler in samplers(SeededSampler, size, world_size, seed, round_up=False):
        sampler.set_epoch(epoch)
        share = list(sampler)
        assert len(share) == len(sampler)
        assert {(key.epoch, key.seed) for key in share} <= {(epoch, seed)}
        shares += [key.sample for key in share]
    assert sorted(shares) == list(range(size))  # disjoint, and nothing is missing


def test_the_order_is_that_of_mmengine_and_changes_with_the_epoch():
    ours, theirs = SeededSampler(range(20), seed=3), DefaultSampler(range(20), seed=3)
    orders = []
    for epoch in range(3):
        ours.set_epoch(epoch)
        theirs.set_epoch(epoch)
        orders.append([key.sample for key in ours])
        assert orders[-1] == list(theirs)
    assert orders[0] != orders[1] != orders[2]


@given(SIZES, RANKS, SEEDS, st.integers(0, 50))
def test_entered_late_an_epoch_goes_on_as_it_would_have(size, world_size, seed, start):
    whole = samplers(SeededSampler, size, world_size, seed)
    late = samplers(SeededSampler, size, world_size, seed, start)
    for one, other in zip(whole, late):
        assert list(other) == list(one)[start:]
        assert len(other) == len(one)


@given(SIZES, RANKS, SEEDS, st.booleans())
def test_the_endless_sequence_is_one_permutation_after_another(size, world_size, seed, shuffle):
    made = samplers(SeededInfiniteSampler, size, world_size, seed, shuffle=shuffle)
    shares = [list(islice(sampler, 3 * size)) for sampler in made]
    sequence = [key for keys in zip(*shares) for key in keys]
    for epoch in range(3):
        keys = sequence[epoch * size : (epoch + 1) * size]
        assert {(key.epoch, key.seed) for key in keys} == {(epoch, seed)}
        indices = [key.sample for key in keys]
        assert sorted(indices) == list(range(size))
        assert shuffle or indices == list(range(size))


@given(SIZES, RANKS, SEEDS, st.integers(0, 100))
def test_entered_late_the_endless_sequence_goes_on(size, world_size, seed, start):
    whole = samplers(SeededInfiniteSampler, size, world_size, seed)
    late = samplers(SeededInfiniteSampler, size, world_size, seed, start)
    for one, other in zip(whole, late):
        assert list(islice(other, 20)) == list(islice(one, start, start + 20))


def load(workers, epochs=(0, 1), start=0, **options):
    """The batches of some epochs."""
    dataset = SeededDataset(dict(type='NoisyNumbers'))
    sampler = SeededSampler(dataset, seed=5)
    sampler.start = start
    loader = DataLoader(dataset, batch_size=3, sampler=sampler, num_workers=workers, **options)
    batches = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        batches += list(loader)
    return torch.cat(batches)


@pytest.mark.parametrize('options', [dict(), dict(persistent_workers=True)])
def test_workers_make_no_difference(options):
    alone = load(0)
    assert torch.equal(load(2, **options), alone)
    # the second epoch is another order of other draws
    assert not torch.equal(alone[:10, 0], alone[10:, 0])
    assert not set(alone[:10, 1].tolist()) & set(alone[10:, 1].tolist())


def test_what_was_loaded_before_makes_no_difference():
    assert torch.equal(load(0, epochs=[1], start=4), load(0)[14:])


def test_every_generator_is_seeded_by_the_whole_key():
    dataset = SeededDataset(dict(type='NoisyNumbers'))
    keys = [SampleKey(0, 0, 0), SampleKey(1, 0, 0), SampleKey(0, 1, 0), SampleKey(0, 0, 1)]
    draws = [tuple(dataset[key][1:].tolist()) for key in keys]
    assert draws == [tuple(dataset[key][1:].tolist()) for key in keys]
    for column in zip(*draws):
        assert len(set(column)) == len(keys)


def test_the_dataset_is_still_seen():
    dataset = SeededDataset(dict(type='NoisyNumbers'))
    dataset.full_init()
    assert len(dataset) == 10 and dataset.metainfo == dict(classes=('noise',))
