"""Dataloaders that a config names."""

from collections.abc import Callable

from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from gaia_ssl.datasets.check import naming_dataset_errors
from gaia_ssl.utils import UserError


def build_loader(build_loop: Callable[[], BaseLoop], field: str) -> DataLoader:
    """The dataloader of a loop.

    Args:
        build_loop: Gives the loop, with its dataset and dataloader.
        field: The dataloader in the config.

    Raises:
        UserError: If the dataset finds fault with its files, or has too few.
    """
    with naming_dataset_errors(field):
        loader = build_loop().dataloader
    if not len(loader):
        raise UserError(
            f'{field}: {len(loader.dataset)} images are fewer than one batch; give more, or a '
            'smaller batch_size'
        )
    return loader
