from pathlib import Path

import pytest

import gaia_ssl
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.errors import is_bug


def test_building_names_the_field_and_the_cause():
    with pytest.raises(
        UserError, match=r'^model: its .*KeyError: .depth., test_errors.py:'
    ) as raised:
        with building('model'):
            dict(width=3)['depth']
    assert isinstance(raised.value.__cause__, KeyError)


def test_building_keeps_a_line_that_names_its_own_field():
    with pytest.raises(UserError, match='^space: unknown$'):
        with building('model'):
            raise UserError('space: unknown')


def of_the_package(code, **names):
    """Run code as if it stood in a file of the package."""
    exec(compile(code, Path(gaia_ssl.__file__).parent / 'models' / 'x.py', 'exec'), names)


@pytest.mark.parametrize('code', ['[1] + 2', '{}["depth"]', 'len(3)', 'None.depth', '1 / 0'])
def test_a_bug_of_the_package_keeps_its_traceback(code):
    with pytest.raises(Exception) as raised:
        with building('model'):
            of_the_package(code)
    assert not isinstance(raised.value, UserError)
    assert is_bug(raised.value)


@pytest.mark.parametrize('code', ['call()', 'call(1, other=2)', 'call(1, 2)', 'call(1, depth=2)'])
def test_arguments_that_are_unknown_or_missing_are_the_users(code):
    class Net:
        def __init__(self, depth):
            self.depth = depth

    with pytest.raises(UserError, match='^model: .* fit .TypeError.*(depht|depth|takes)'):
        with building('model'):
            of_the_package(code.replace('other', 'depht'), call=Net)


def test_errors_of_other_packages_are_put_down_to_the_settings():
    import json

    with pytest.raises(UserError, match='^model: its .*JSONDecodeError.*; GAIA_SSL_DEBUG=1 shows'):
        with building('model'):
            of_the_package('loads("{")', loads=json.loads)


class Inner:
    def __init__(self, width=1):
        if width < 0:
            raise ValueError('negative')


SETTINGS = dict(
    type='Outer', parts=[dict(type='pkg.Inner', width=1), dict(type='Other', widht=3, width=-1)]
)


@pytest.mark.parametrize(
    'error, place',
    [
        (KeyError('Other is not in the mmengine::data sampler registry. More'), 'net.parts.1.type'),
        (TypeError("Any.__init__() got an unexpected keyword argument 'widht'"), 'net.parts.1.wid'),
        (TypeError("Inner.__init__() got an unexpected keyword argument 'width'"), 'net.parts.0.w'),
        (TypeError("Any.__init__() got an unexpected keyword argument 'width'"), 'net: '),
        (ImportError('run pip install x'), 'net: needs a package .*; run pip install x'),
        (AssertionError(), 'net: its settings do not fit .AssertionError: raise error'),
    ],
)
def test_building_names_the_part(error, place):
    with pytest.raises(UserError, match=f'^{place}'):
        with building('net', SETTINGS):
            raise error


def test_building_names_the_part_that_is_built():
    with pytest.raises(UserError, match='^net.parts.0: .*ValueError: negative'):
        with building('net', SETTINGS):
            Inner(-1)
