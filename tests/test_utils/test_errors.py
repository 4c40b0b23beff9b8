import pytest

from gaia_ssl.utils import UserError, building


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
