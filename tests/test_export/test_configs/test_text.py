"""Configs as text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config as MMEngineConfig

from gaia_ssl.export.configs import Config, to_text
from gaia_ssl.export.configs.text import WIDTH

names = st.from_regex(r'[a-z]{1,20}_', fullmatch=True)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(names, inner),
    max_leaves=15,
)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(names, values, max_size=4))
def test_reads_back_to_the_same_values(config):
    # infinities have no literal of their own
    namespace = dict(inf=float('inf'))
    exec(to_text(Config('What it is.', config)), namespace)
    assert namespace.pop('__doc__').strip() == 'What it is.'
    assert {key: namespace[key] for key in config} == config


def test_layout():
    text = to_text(Config('A\nB', dict(a=[1, 2], model=dict(b=(1,), c=['x' * 60, 'y' * 30]))))
    assert text.splitlines() == [
        '"""A',
        'B',
        '"""',
        '',
        'a = [1, 2]',
        'model = dict(',
        '    b=(1,),',
        '    c=[',
        f"        '{'x' * 60}',",
        f"        '{'y' * 30}',",
        '    ],',
        ')',
    ]


def test_placeholders_survive(tmp_path):
    config = Config('', dict(init_cfg=dict(checkpoint='{{ fileDirname }}/w.pth')))
    (tmp_path / 'config.py').write_text(to_text(config))
    read = MMEngineConfig.fromfile(tmp_path / 'config.py')
    assert read.init_cfg.checkpoint == f'{tmp_path}/w.pth'


@pytest.mark.parametrize('length', range(80, 100))
def test_lines_are_not_too_long(length):
    text = to_text(Config('', dict(a=dict(b=dict(c=['x' * 10] * (length // 14), d=1)))))
    assert max(map(len, text.splitlines())) <= WIDTH
