"""A request: the images, what there is to start from, and what the subnet is for."""

from dataclasses import dataclass, field
from pathlib import Path

from gaia_ssl.datasets.label_map_set import is_label_map_set
from gaia_ssl.utils import UserError
from gaia_ssl.utils.templates import check_fits

from .recipe import RECIPES

TASKS = dict(classification='global', detection='dense', segmentation='dense')
"""The task of the search, by what the subnet is for."""


@dataclass(frozen=True)
class Request:
    """A user's wishes; paths are absolute.

    Args:
        images: Folder of unlabeled images.
        work_dir: Where everything goes.
        task: A key of TASKS.
        labels: Labeled images that judge the pick: a folder with one folder per class, or of
            ``images`` and ``annotations``, or objects as ``FILE.json:DIR``. Defaults to none.
        teacher: Checkpoint of a ResNet that teaches the supernet. Defaults to none.
        pretrained: Checkpoint of the network that the supernet starts from. Defaults to none.
        budget: By cost, the interval as text. Defaults to half of MAX's multiply-adds.
        input_size: Side of the views in pixels. Defaults to what suits the images.
        minutes: What all may take. Defaults to 30.
        seed: Seed of all that is drawn. Defaults to 0.
        options: Settings of the training config to override. Defaults to none.

    Raises:
        UserError: If something does not exist, or does not go together.
    """

    images: str
    work_dir: str
    task: str = 'classification'
    labels: str | None = None
    teacher: str | None = None
    pretrained: str | None = None
    budget: dict[str, list[str]] = field(default_factory=dict)
    input_size: int | None = None
    minutes: float = 30
    seed: int = 0
    options: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.teacher and self.pretrained:
            raise UserError(
                'teacher: a supernet that starts from a network is taught by it; give teacher or '
                'pretrained'
            )
        if self.minutes <= 0:
            raise UserError(f'minutes: {self.minutes:g} is no time; give more')
        if self.input_size is not None and self.input_size < 8:
            raise UserError(f'input_size: {self.input_size} pixels are too few; give 32 or more')
        for name in ('images', 'work_dir', 'teacher', 'pretrained'):
            if (path := getattr(self, name)) is not None:
                check_fits(path, name)
                if name != 'work_dir' and not Path(path).exists():
                    raise UserError(f'{name}: {path} does not exist')
        if not Path(self.images).is_dir():
            raise UserError(f'images: {self.images} is not a folder')
        maps = self.labels is not None and (self.objects or is_label_map_set(self.labels))
        if self.labels is not None and bool(maps) != (self.kind == 'dense'):
            wanted = (
                'images and annotations, or FILE.json:DIR' if not maps else 'a folder per class'
            )
            raise UserError(f'labels: {self.labels} does not suit {self.task}; give {wanted}')

    @property
    def kind(self) -> str:
        """The task of the search."""
        return TASKS[self.task]

    @property
    def start(self) -> str:
        """The recipe."""
        found = [name for name in RECIPES if getattr(self, name, None) is not None]
        return found[0] if found else 'scratch'

    @property
    def network(self) -> str | None:
        """The teacher, or the network to start from."""
        return self.teacher or self.pretrained

    @property
    def objects(self) -> tuple[str, str] | None:
        """File in COCO's format and folder of its images, if those are the labels."""
        file, colon, folder = (self.labels or '').rpartition(':')
        return (file, folder) if colon and file.endswith('.json') else None
