import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from gaia_ssl.utils import UserError
from gaia_ssl.utils.sections import SECTIONS, check_dicts, check_sections, nearest


def test_variables_of_a_config_are_not_sections():
    names = ['train_pipeline', 'test_pipeline', 'models', 'data_root', 'max_epochs', 'optimizer']
    config = Config(dict.fromkeys([*names, 'optim_wrapper', 'search'], 1))
    check_sections(config, ['data_root', 'max_epochs', 'search.input_size', 'visualizer.type'])


@given(st.sampled_from(sorted(name for name in SECTIONS if len(name) > 8)), st.data())
def test_a_letter_too_few_is_noticed(name, data):
    position = data.draw(st.integers(0, len(name) - 1))
    misspelt = name[:position] + name[position + 1 :]
    with pytest.raises(UserError, match=f'^{misspelt}: .* did you mean '):
        check_sections(Config({misspelt: 1}))
    with pytest.raises(UserError, match=f'^--cfg-options: {misspelt}.x: .* did you mean '):
        check_sections(Config({}), [f'{misspelt}.x'])


def test_an_option_unlike_any_section():
    with pytest.raises(UserError, match='^--cfg-options: qqq: .* give one of .*depth'):
        check_sections(Config(dict(depth=1)), ['depth', 'qqq'])


def test_a_preprocessor_that_is_not_read():
    config = Config(dict(model=dict(data_preprocessor=dict(mean=1)), data_preprocessor={}))
    with pytest.raises(UserError, match='data_preprocessor.mean: model.data_preprocessor.mean is'):
        check_sections(config, ['data_preprocessor.mean'])
    check_sections(Config(dict(model={})), ['data_preprocessor.mean'])


@pytest.mark.parametrize('name', ['model', 'search', 'knn', 'model.backbone'])
def test_sections_are_dicts(name):
    section, _, part = name.partition('.')
    for value in ('x', 3, [1]):
        content = {section: {part: value} if part else value}
        with pytest.raises(UserError, match=f'^{name}: .* has no dict there'):
            check_dicts(Config(content))
    check_dicts(Config({section: None}))


def test_nearest():
    assert nearest('healt', ['health', 'heat', 'logger']) == 'health'
    assert nearest('zzz', ['health']) is None
