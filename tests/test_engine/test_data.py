"""Errors raised by a dataset name the config field it came from."""

from types import SimpleNamespace

import pytest
from torch.utils.data import DataLoader

from gaia_ssl.engine.data import checked_dataloader
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('error', [AssertionError, RuntimeError])
def test_an_error_of_the_dataset_names_the_field(error):
    class Runner:
        @property
        def test_loop(self):
            raise error('999 folders')

    with pytest.raises(UserError, match='test_dataloader.dataset: 999 folders'):
        checked_dataloader(Runner(), 'test')


def test_too_few_images_for_a_batch():
    def runner(batch_size):
        loader = DataLoader([1, 2, 3], batch_size, drop_last=True)
        return SimpleNamespace(train_loop=SimpleNamespace(dataloader=loader))

    assert len(checked_dataloader(runner(3), 'train')) == 1
    with pytest.raises(UserError, match='train_dataloader: 3 images are fewer than one batch'):
        checked_dataloader(runner(4), 'train')
