"""A teacher's embeddings of whole images on disk, computed once."""

import json
import os
import os.path as osp
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import draft_name, write_json

BLOCK = 256
"""Images that are computed and marked as done together."""


class EmbeddingCache:
    """Embeddings of the images of a data set, in a folder that several processes share.

    ``about.json`` says whose they are, ``embeddings.npy`` holds them, and ``done.npy`` marks the
    blocks that are complete. A killed process leaves blocks that are not marked; they are computed
    again.

    Args:
        folder: The folder.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def create(self, key: Mapping[str, str], number: int, channels: int) -> None:
        """Create an empty cache, unless the folder holds one of the same key; in one process.

        Args:
            key: Digests that identify the embeddings, by what they are of.
            number: The number of images, N.
            channels: Channels of an embedding, D.

        Raises:
            UserError: If the folder holds another cache or cannot be written.
        """
        about = dict(key, number=number, channels=channels)
        path = osp.join(self.folder, 'about.json')
        try:
            if osp.exists(path):
                return self._compare(path, about)
            os.makedirs(self.folder, exist_ok=True)
            self._write('embeddings.npy', np.float32, (number, channels))
            self._write('done.npy', np.bool_, (-(-number // BLOCK),))
            write_json(path, about)
        except OSError as error:
            raise UserError(
                f'model.teacher.cache: {self.folder} cannot be written ({error.strerror}); give '
                'another folder'
            ) from error

    def _compare(self, path: str, about: dict) -> None:
        try:
            with open(path) as file:
                found = json.load(file)
        except ValueError as error:
            raise UserError(f'model.teacher.cache: {path} is damaged; remove the folder') from error
        differing = [key for key in about if found.get(key) != about[key]]
        if differing:
            raise UserError(
                f'model.teacher.cache: {self.folder} holds features of another {differing[0]}; '
                'give another folder, or remove it'
            )

    def _write(self, name: str, dtype: type, shape: tuple[int, ...]) -> None:
        """Write zeros to a file that is complete or not there."""
        path = osp.join(self.folder, name)
        draft = draft_name(path)
        np.lib.format.open_memmap(draft, 'w+', dtype, shape).flush()
        os.replace(draft, path)

    def open(self) -> None:
        """Map the files into memory, in every process.

        Raises:
            UserError: If they are not there or damaged.
        """
        try:
            self._embeddings, self._done = (
                np.load(osp.join(self.folder, name), mmap_mode='r+')
                for name in ('embeddings.npy', 'done.npy')
            )
        except (OSError, ValueError, EOFError) as error:
            raise UserError(
                f'model.teacher.cache: {self.folder} cannot be read ({error}); remove the folder, '
                'or give one that all processes share'
            ) from error

    def missing(self) -> list[range]:
        """The images of the blocks that are not there yet."""
        starts = np.flatnonzero(~self._done) * BLOCK
        number = len(self._embeddings)
        return [range(start, min(start + BLOCK, number)) for start in starts.tolist()]

    def write(self, block: range, embeddings: Tensor) -> None:
        """Write the embeddings of a block, (B, D), and mark it once they are on disk."""
        self._embeddings[block.start : block.stop] = embeddings.numpy()
        self._embeddings.flush()
        self._done[block.start // BLOCK] = True
        self._done.flush()

    def __len__(self) -> int:
        return len(self._embeddings)

    def __getitem__(self, indices: Sequence[int]) -> Tensor:
        """The embeddings of images by their indices: (N, D)."""
        return torch.from_numpy(np.asarray(self._embeddings[indices]))
