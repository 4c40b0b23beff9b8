import json

import pytest

from gaia_ssl.search import SearchSettings
from gaia_ssl.search.candidates import Candidates
from gaia_ssl.search.identity import settings_id
from gaia_ssl.search.search_images import SearchImages
from gaia_ssl.space import Budget, get_space

SETTINGS = dict(task='dense', input_size=40, strategy=dict(type='random', num=4))


@pytest.fixture(scope='module')
def identify(photos):
    """The identity of a search with these settings, as a file gives it back."""

    def make(teacher='ema', **options):
        settings = SearchSettings(**(SETTINGS | options))
        candidates = Candidates(get_space('tiny10to22'), settings)
        images = SearchImages(photos, settings)
        found = settings_id(settings, candidates, images, dict(teacher=teacher))
        return json.loads(json.dumps(found))

    return make


def test_plain_data_that_does_not_change_by_itself(identify):
    found = identify()
    assert found == identify()
    assert (found['strategy'], found['num'], found['seed']) == ('random', 4, 0)
    assert found['stages'] == [3] and found['distance'] == 'mse'
    assert found['budget']['flops'] == [0, None]


@pytest.mark.parametrize(
    'options, changed',
    [
        (dict(task='global'), {'task', 'distance', 'distances', 'stages'}),
        (dict(distance='kl'), {'distance', 'distances'}),
        (dict(stages=[2]), {'stages', 'distances'}),
        (dict(distance_options=dict(grid=7)), {'distances'}),
        (dict(budget=Budget(flops=(0, 2e6))), {'budget', 'num_feasible'}),
        (dict(strategy=dict(type='random', num=5)), {'num'}),
        (dict(seed=1), {'seed'}),
        (dict(num_images=9), {'images_count', 'images_sha256'}),
        (dict(bn_group=8), {'bn'}),
        (dict(bn_policy='calibrated'), {'bn'}),
        (dict(dtype='bfloat16'), {'dtype'}),
        (dict(teacher='online'), {'teacher'}),
    ],
)
def test_whatever_decides_the_result_is_in_it(identify, options, changed):
    before, after = identify(), identify(**options)
    assert before.keys() == after.keys()
    assert {key for key in before if before[key] != after[key]} == changed
