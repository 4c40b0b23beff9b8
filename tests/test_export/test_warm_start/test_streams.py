"""Streams cover every dimension of every weight, once."""

from collections import Counter

import pytest
import torch

from gaia_ssl.export.warm_start.streams import streams_of
from gaia_ssl.models.backbones import SUPERNETS
from gaia_ssl.space import SPACES, Family
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)
def test_every_channel_is_of_one_stream(space):
    streams = streams_of(space.family, space.max)
    with torch.device('meta'):
        weights = SUPERNETS[type(space.family)](space).state_dict()
    written, read = Counter(), Counter()
    for stream in streams:
        widths = {len(weights[f'{conv}.weight']) for conv, _ in stream.writers + stream.keepers}
        widths |= {weights[f'{conv}.weight'].shape[1] for conv in stream.readers}
        [width] = widths
        assert width % stream.unit == 0
        for _, norm in stream.writers + stream.keepers:
            assert weights[f'{norm}.running_mean'].shape == (width,)
        written.update(name for pair in stream.writers + stream.keepers for name in pair)
        read.update([*stream.readers, *(conv for conv, _ in stream.keepers)])
    layers = {key.removesuffix('.weight') for key in weights if key.endswith('.weight')}
    assert set(written) == layers and set(written.values()) == {1}
    convs = {name for name in layers if weights[f'{name}.weight'].dim() == 4}
    stem = [name for name in convs if name.startswith('conv1')]
    assert set(read) == convs - set(stem) and set(read.values()) == {1}
    assert sorted(s for stream in streams for s in stream.stages) == [
        *range(-1, space.family.stages)
    ]


def test_a_tied_stem_is_on_the_stream_of_the_first_stage():
    tied, free = (SPACES[name] for name in ('ar10to18', 'ar26to50'))
    assert streams_of(tied.family, tied.max)[0].stages == [-1, 0]
    assert streams_of(free.family, free.max)[0].stages == [-1]


def test_other_families():
    class Other(Family):
        pass

    Other.__abstractmethods__ = frozenset()
    with pytest.raises(UserError, match='space: a Other cannot be started from a network'):
        streams_of(Other(), {})
