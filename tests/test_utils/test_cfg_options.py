"""Settings of a command line arrive as they were typed, or one line says why not."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmengine.config import Config, DictAction

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cfg_options import Typed, merge_typed, read_typed


def merged(held, text):
    config = Config(dict(outer=dict(items=[dict(value=held)])))
    merge_typed(config, {'outer.items.0.value': Typed(text)})
    return config.outer['items'][0].value


# what quotes and brackets around the whole mean otherwise
MARKED = re.compile(r'None|\'[^\']*\'|"[^"]*"|\[.*\]|\(.*\)', re.DOTALL)


@settings(max_examples=40)
@given(st.text())
@example('data set')
@example('2017')
@example(' 2 ')
@example('a,b (1')
@example("it's")
@example('True')
@example('1_0')
def test_a_text_arrives_where_the_config_holds_a_text(text):
    if not MARKED.fullmatch(text):
        assert merged('before', text) == text
    for quote in '\'"':
        if quote not in text:
            assert merged('before', f'{quote}{text}{quote}') == text
            # whatever the config holds
            assert merged(3, f'{quote}{text}{quote}') == text


@settings(max_examples=40)
@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))
def test_a_number_arrives_where_the_config_holds_another_value(value):
    for held in (1, 0.5, None, True, [1], dict(a=1)):
        arrived = merged(held, str(value))
        assert arrived == value and type(arrived) is type(value)


ITEMS = st.recursive(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False),
        st.booleans(),
        st.none(),
        st.text(st.characters(exclude_characters="'\\", exclude_categories=['C', 'Z'])),
    ),
    lambda items: st.lists(items) | st.lists(items, max_size=3).map(tuple),
    max_leaves=6,
)


def written(value):
    if isinstance(value, list):
        return f'[{", ".join(map(written, value))}]'
    if isinstance(value, tuple):
        return f'({", ".join(map(written, value))})'
    return f"'{value}'" if isinstance(value, str) else str(value)


@settings(max_examples=40)
@given(st.lists(ITEMS))
def test_a_list_arrives(value):
    for held in (None, 1, [1, 'a']):
        assert merged(held, written(value)) == value


NAMES = st.text(st.characters(exclude_characters='\'",[]()', exclude_categories=['C']))


@settings(max_examples=40)
@given(st.lists(NAMES.map(str.strip).filter(lambda name: name not in ('', 'None'))))
@example(['2017', 'data set', '007'])
def test_a_list_of_texts_arrives_where_the_config_holds_one(names):
    assert merged(['before'], f'[{", ".join(names)}]') == names
    if len(names) > 1:
        assert merged(['before'], ','.join(names)) == names


@given(st.text(st.sampled_from('[]()\'", 1a=')), st.sampled_from([None, 1, 'x', ['x'], [1]]))
def test_anything_arrives_or_is_told_in_one_line(text, held):
    try:
        arrived = merged(held, text)
    except UserError as error:
        assert str(error).startswith(f'--cfg-options: outer.items.0.value={text}: ')
        assert not isinstance(held, str)
    else:
        # no character of a text is lost
        assert not isinstance(arrived, str) or arrived in (text, text[1:-1])


@pytest.mark.parametrize(
    'text', '1 -2 1e-6 .5 inf True false None x a/b.pth [1,2] (1,2) 1,2 [(1,2),[a,b],c] []'.split()
)
def test_usual_values_are_mmengines(text):
    assert read_typed(text) == DictAction._parse_iterable(text)


@pytest.mark.parametrize(
    'text, held, value',
    [
        ('[bbox, segm]', 'bbox', ['bbox', 'segm']),
        ('None', 'bbox', None),
        ('007', None, '007'),  # not the number 7
        ('2017_01', None, '2017_01'),
        ('runs,1/a.pth', None, 'runs,1/a.pth'),
        ('dict(a=1,b=2)', None, 'dict(a=1,b=2)'),  # MMEngine's parser never ends
        ('[1](2)', None, '[1](2)'),
        ('[2017] photos', None, '[2017] photos'),
        ('(1,2),(3,4)', [], [(1, 2), (3, 4)]),
        ("'a','b,c'", ['x'], ['a', 'b,c']),
    ],
)
def test_values(text, held, value):
    assert read_typed(text, held) == value


def test_keys_that_do_not_fit_are_named():
    config = Config(dict(a=[1, 2], b='x'))
    for key in ('a.5.x', 'a.0', 'b.c'):
        with pytest.raises(UserError, match=f'^--cfg-options: {key} do not fit'):
            merge_typed(config, {key: Typed('1')})


def test_a_list_without_its_end_is_named():
    with pytest.raises(UserError, match='^--cfg-options: a=.1,2: brackets or quotes do not match'):
        merge_typed(Config(dict(a=[1])), {'a': Typed('[1,2')})
