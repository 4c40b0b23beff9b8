"""The dataset of a pretraining: images of a folder or a list, without labels."""

import hashlib
import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.dataset import BaseDataset

from gaia_ssl.registry import DATASETS, TRANSFORMS
from gaia_ssl.utils import UserError

from .decoding import UnreadableImage
from .lists import listed_images
from .readable import BadImage, read_all
from .sources import ImageFile, find_images, read_listing


@DATASETS.register_module()
class TrainingImages(BaseDataset):
    """Images without labels, found by the same rules as those of a search.

    Those of a folder are ordered by name, those of a list as they are listed; each file is read
    once. See ``find_images`` for what a folder or a list may hold.

    Args:
        data_root: Folder that the other paths are relative to. Defaults to none.
        data_prefix: Folder of the images. Defaults to ``data_root`` itself.
        ann_file: List of the images, a ``.txt`` with a path per line or a ``.json`` in COCO's
            format; its paths are relative to the images' folder. Defaults to all of the folder.
        pipeline: Configs of transforms, from loading to packing.
        max_bad: Decode all images at the start and leave out the unreadable ones, at most this
            share of them, e.g. 0.01. Defaults to decoding an image when its turn comes, where an
            unreadable one ends the training.
        **options: See MMEngine's ``BaseDataset``, such as ``indices``.

    Attributes:
        bad: The images that were left out.
        names_sha256: Digest of the images' paths below their folder, in order.

    Raises:
        UserError: If no folder or list is given, one cannot be read or holds no image, a file
            that is listed or linked to does not exist, or more images than allowed are unreadable.
    """

    def __init__(
        self,
        data_root: str = '',
        data_prefix: str = '',
        ann_file: str = '',
        pipeline: Sequence[dict] = (),
        max_bad: float | None = None,
        **options: Any,
    ) -> None:
        places = dict(data_root=data_root, data_prefix=data_prefix, ann_file=ann_file)
        for field, value in places.items():
            if not isinstance(value or '', str):
                raise UserError(f'{field}: {value!r} is not a path; give a string')
        if not any(places.values()):
            raise UserError('data_root: not given, nor data_prefix or ann_file; give one')
        self.max_bad = max_bad
        self.bad: list[BadImage] = []
        super().__init__(
            ann_file=osp.expanduser(ann_file or ''),
            data_root=osp.expanduser(data_root or ''),
            data_prefix=dict(img_path=osp.expanduser(data_prefix or '')),
            pipeline=[TRANSFORMS.build(transform) for transform in pipeline],
            **options,
        )

    @property
    def source(self) -> str:
        """The list, or else the folder."""
        return self.ann_file or self.data_prefix['img_path']

    def load_data_list(self) -> list[dict]:
        """The path of each image, as ``img_path``."""
        paths = self._find()
        if self.max_bad is not None:
            digests, self.bad = read_all(paths, paths, self.max_bad)
            paths = [paths[index] for index in digests]
        root = self.data_prefix['img_path']
        names = '\0'.join(path.removeprefix(root) for path in paths)
        self.names_sha256 = hashlib.sha256(names.encode(errors='surrogateescape')).hexdigest()
        return [dict(img_path=path) for path in paths]

    def prepare_data(self, idx: int) -> Any:
        """Load and transform an image.

        Raises:
            UserError: If it cannot be read.
        """
        try:
            return super().prepare_data(idx)
        except UserError as error:
            if not isinstance(error.__cause__, UnreadableImage):
                raise
            raise UserError(
                f"{error}, or leave out such images by the dataset's max_bad, such as "
                'train_dataloader.dataset.max_bad=0.01'
            ) from error

    def _find(self) -> list[str]:
        folder = self.data_prefix['img_path']
        if folder and self.ann_file and not self.ann_file.lower().endswith('.json'):
            listed = [image['img_path'] for image in listed_images(self.ann_file, folder, False)]
            unique: dict[str, str] = {}
            for path in listed:
                unique.setdefault(osp.realpath(path), path)
            return list(unique.values())
        if self.ann_file:
            found: dict[str, ImageFile] = {}
            for file in read_listing(self.ann_file, folder):
                found.setdefault(file.real, file)
            files = list(found.values())
            _check_present(files, files)
        else:
            files = find_images([folder])
            _check_present([file for file in files if file.linked], files)
        return [file.path for file in files]


def _check_present(doubtful: Sequence[ImageFile], files: Sequence[ImageFile]) -> None:
    """Check that files exist which were not seen in their folder."""
    if missing := [file for file in doubtful if not osp.isfile(file.real)]:
        first = missing[0]
        target = f' (a link to {first.real})' if first.linked else ''
        raise UserError(
            f'images: {len(missing)} of {len(files)} do not exist, such as {first.path}{target}; '
            'repair or remove them'
        )


def training_images(dataset: Any) -> list[TrainingImages]:
    """Find the images without labels inside a dataset and its wrappers, in order."""
    if isinstance(dataset, TrainingImages):
        return [dataset]
    nested = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return [part for inside in nested if inside is not None for part in training_images(inside)]
