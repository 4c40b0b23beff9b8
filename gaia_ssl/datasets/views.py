"""Build the augmented views that a pretraining config trains on."""

from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import Tensor
from torch.utils.data import Dataset

from gaia_ssl.registry import DATASETS
from gaia_ssl.utils import building

from .check import check_data, naming_dataset_errors
from .seeded import SampleKey

SEEDED = 'gaia_ssl.SeededDataset'


class TrainingViews(Dataset[Tensor]):
    """The first training view of each image, with the transforms' randomness fixed by the index.

    Args:
        config: The pretraining config, of which ``train_dataloader.dataset`` is read.

    Raises:
        UserError: If the data are missing, or the dataset rejects them.
    """

    def __init__(self, config: Config) -> None:
        check_data(config, 'train_dataloader')
        dataset = config.train_dataloader.dataset
        if dataset.get('type') != SEEDED:  # a config saved by a training has it already
            dataset = dict(type=SEEDED, dataset=dataset)
        scope, field = config.get('default_scope', 'gaia_ssl'), 'train_dataloader'
        with (
            DefaultScope.overwrite_default_scope(scope),
            building(f'{field}.dataset', dataset['dataset']),
            naming_dataset_errors(field),
        ):
            self.dataset = DATASETS.build(dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Tensor:
        """The view of an image as the training loads it, (C, H, W)."""
        return self.sample(index)['inputs'][0]

    def sample(self, index: int, draw: int = 0) -> dict[str, Any]:
        """Draw all views of an image.

        Args:
            index: The image.
            draw: Number of the draw, on which the views depend. Defaults to 0.

        Returns:
            What the transforms packed: ``inputs``, a list of views (C, H, W), and
            ``data_samples``.
        """
        return self.dataset[SampleKey(index, epoch=draw, seed=0)]
