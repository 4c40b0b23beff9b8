"""Errors raised by a dataset name the config field it came from."""

import pytest

from gaia_ssl.engine.data import build_loader
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('kind', [AssertionError, RuntimeError])
def test_a_datasets_own_complaint(kind):
    def build_loop():
        raise kind('999 folders')

    with pytest.raises(UserError, match='val_dataloader.dataset: 999 folders'):
        build_loader(build_loop, 'val_dataloader')
