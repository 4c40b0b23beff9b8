import argparse

import pytest

from gaia_ssl.utils.cli import ConfigOptions


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOptions)
    return lambda *values: parser.parse_args(['--cfg-options', *values]).cfg_options


def test_settings_are_mmengines(parse):
    assert parse('a.b=1', 'c=[1,2]', 'd=x=y') == {'a.b': 1, 'c': [1, 2], 'd': 'x=y'}


@pytest.mark.parametrize('wrong', ['key', 'a=[1,2'])
def test_what_is_no_setting_is_named(parse, wrong, capsys):
    with pytest.raises(SystemExit) as end:
        parse('x=1', wrong, 'y=2')
    assert end.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f'error: --cfg-options: {wrong} is not a setting; give KEY=VALUE')
