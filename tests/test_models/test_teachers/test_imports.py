import json

import pytest

from gaia_ssl.models.teachers.imports import import_library
from gaia_ssl.utils import UserError


def test_library():
    assert import_library('json', 'a test') is json
    with pytest.raises(UserError, match='ATeacher needs no_such.part, .*; pip install no_such$'):
        import_library('no_such.part', 'ATeacher')
