import pytest

from gaia_ssl.search.settings import Limits, SearchSettings
from gaia_ssl.space import Budget
from gaia_ssl.utils import UserError


def test_a_config_gives_them_as_python_does():
    given = SearchSettings.from_config(dict(task='dense', budget=dict(flops=('3G', '4G')), seed=2))
    assert given.budget.intervals == Budget(flops=(3e9, 4e9)).intervals
    assert (given.task, given.seed, given.bn_group) == ('dense', 2, SearchSettings.bn_group)
    assert given.image_shape == (224, 224)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(), 'task: missing; give one of global, dense'),
        (dict(task='local'), "task: 'local' is not one of global, dense"),
        (dict(dtype='int8'), "dtype: 'int8' is not one of float32, bfloat16, float16"),
        (dict(combine='rank'), "combine: 'rank' is not one of sum, spread"),
        (dict(bn_policy='none'), "bn_policy: 'none' is not one of group, calibrated"),
        (dict(bn_group=3), 'bn_group: 3 images are too few for batch-norm statistics; give 4'),
        (dict(bn_group=8.5), 'bn_group: 8.5 is of the wrong type'),
        (dict(input_size=0), 'input_size: 0 is not a number of pixels'),
        (dict(seed=-1), 'seed: -1 is negative'),
        (dict(size=3), 'size: a search has no such setting; it has task, distance, '),
    ],
)
def test_unfit_settings(options, message):
    with pytest.raises(UserError, match=message):
        SearchSettings.from_config({**(dict(task='dense') if options else {}), **options})


def test_limits():
    assert Limits() == Limits(micro_batch=1, max_memory=None)
    assert Limits(3, '8G') == Limits(3, 8e9)
    assert Limits(max_memory='8G').max_memory == 8e9


@pytest.mark.parametrize(
    'limits, message',
    [
        (dict(micro_batch=0), 'micro_batch: 0 groups; give a whole number, 1 or more'),
        (dict(micro_batch=-3, max_memory='8G'), 'micro_batch: -3 groups'),
        (dict(micro_batch='2'), "micro_batch: '2' groups"),
        (dict(max_memory=0), 'max_memory: 0 bytes; give a quantity such as 8G'),
        (dict(max_memory='inf'), 'max_memory: inf bytes'),
        (dict(max_memory='8GB'), "max_memory: '8GB' is not a quantity such as 3G"),
        (dict(max_memory=''), "max_memory: '' is not a quantity"),
    ],
)
def test_unfit_limits(limits, message):
    with pytest.raises(UserError, match=message):
        Limits(**limits)
