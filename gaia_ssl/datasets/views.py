"""What a supernet was trained on."""

from collections.abc import Sequence

from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor

from gaia_ssl.registry import DATASETS

from .check import check_data, naming_dataset_errors
from .seeded import SampleKey

SEEDED = 'gaia_ssl.SeededDataset'


class TrainingViews(Sequence):
    """The first view of each image that a config trains on, the same ones each time.

    Args:
        config: The pretraining config; its ``train_dataloader.dataset`` is read, whose transforms
            are drawn anew for each image from a fixed seed.

    Raises:
        UserError: If the data are not where the config says, or the dataset finds fault with them.
    """

    def __init__(self, config: Config) -> None:
        check_data(config, 'train_dataloader')
        dataset = config.train_dataloader.dataset
        if dataset.type != SEEDED:  # as a training's own copy of its config has it
            dataset = dict(type=SEEDED, dataset=dataset)
        scope = config.get('default_scope', 'gaia_ssl')
        with DefaultScope.overwrite_default_scope(scope), naming_dataset_errors('train_dataloader'):
            self.dataset = DATASETS.build(dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tensor:
        """A view as the training loads it, (C, H, W)."""
        return self.dataset[SampleKey(index, epoch=0, seed=0)]['inputs'][0]
