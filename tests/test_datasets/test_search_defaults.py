import pytest
from mmengine.config import Config

from gaia_ssl.datasets.images import default_pipeline
from gaia_ssl.datasets.search_defaults import SearchDefaults


@pytest.mark.parametrize(
    ('section', 'given', 'size'),
    [(None, None, 224), ({}, None, 224), ({}, 64, 64), (dict(input_size=96), None, 96)],
)
def test_the_size_decides_on_the_default_pipeline(section, given, size):
    config = Config({} if section is None else dict(search=section))
    defaults = SearchDefaults.of(config, given)
    assert (defaults.input_size, defaults.pipeline) == (size, default_pipeline(size))


def test_what_is_given_takes_precedence_and_the_configs_pipeline_stays():
    pipeline = [dict(type='LoadAnyImage')]
    defaults = SearchDefaults.of(Config(dict(search=dict(input_size=96, pipeline=pipeline))), 64)
    assert (defaults.input_size, defaults.pipeline) == (64, pipeline)
