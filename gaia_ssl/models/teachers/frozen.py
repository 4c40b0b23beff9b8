"""A frozen teacher: a network with its own size and normalisation of images, checked when built."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.errors import is_bug, reason
from gaia_ssl.utils.files import data_digest
from gaia_ssl.utils.weights import weights_digest

from .backbone import BackboneTeacher
from .cache import EmbeddingCache
from .network import Features, TeacherNetwork
from .normalisation import Normalisation

PROBE_SIZE = 64
"""Side of the images that a network of any size is tried with."""
PLACES = ('init_cfg', 'checkpoint', 'folder', 'file')
"""Settings that say where weights are, not what they are."""


class FrozenTeacher:
    """A teacher that reads the images of a supernet: resizes and normalises them as its own.

    It is not a module, so that a model that holds one does not train, save, initialise or wrap it.

    Args:
        network: The network.
        images: The normalisation of the supernet's images.
        channels: The channels of the supernet's images.
        normalisation: That of the network. Defaults to what the network tells, else to ``images``.
        input_size: Side in pixels of the images that the network gets. Defaults to what the
            network tells, else to the size of the supernet's images.
        settings: Plain data that identifies the network, beside its weights.
        cache_folder: Folder of a cache of its embeddings of whole images. Defaults to none.

    Attributes:
        cache: The embeddings by the images' ``sample_idx``, once ``TeacherHook`` has set them.

    Raises:
        UserError: If the network cannot read such images, or its features of an image depend on
            the other images of the batch.
    """

    def __init__(
        self,
        network: TeacherNetwork,
        images: Normalisation,
        channels: int = 3,
        normalisation: Normalisation | None = None,
        input_size: int | None = None,
        settings: Any = None,
        cache_folder: str | None = None,
    ) -> None:
        self.network = network
        self.images = images
        self.normalisation = normalisation or network.normalisation or images
        self.input_size = input_size or network.input_size
        self.settings = settings
        self.cache_folder = cache_folder
        self.cache: EmbeddingCache | None = None
        self._device = torch.device('cpu')
        network.freeze()
        features = self._try(channels)
        self.channels = features.embedding.size(1)
        self.map_channels = [map.size(1) for map in features.maps]

    @property
    def num_maps(self) -> int:
        """The number of its feature maps."""
        return len(self.map_channels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights and of all that changes the features."""
        network = [weights_digest(self.network), self.network.identity]
        return data_digest([*network, self.settings, self.normalisation, self.input_size])

    def check_recorded(self, meta: Mapping[str, Any], name: str) -> None:
        """Compare the teacher with that of a training, by the ``meta`` of its checkpoint.

        Args:
            meta: It may hold the digest of the teacher.
            name: Names the checkpoint in the message.

        Raises:
            UserError: If it is another one.
        """
        recorded = meta.get('teacher', self.digest)
        if recorded != self.digest:
            raise UserError(
                f'{name} was trained with another teacher ({recorded[:12]} instead of '
                f'{self.digest[:12]}); give the model.teacher of that training'
            )

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features:
        """The features of images that are normalised for the supernet, (N, C, H, W)."""
        if images.device != self._device:
            self.network.to(images.device)
            self._device = images.device
        images = self.images.change(images.float(), self.normalisation)
        if self.input_size and images.shape[2:] != (self.input_size, self.input_size):
            size = (self.input_size, self.input_size)
            images = F.interpolate(images, size, mode='bilinear', antialias=True)
        return self.network(images)

    def cached(self, data_samples: Sequence[Any]) -> Tensor:
        """The embeddings of the whole images that a batch's views are of, (N, D).

        Raises:
            UserError: If the cache is not there, or the images have no index.
        """
        if self.cache is None:
            raise UserError('model.teacher.cache: not opened; train by tools/train.py')
        indices: list[Any] = [getattr(sample, 'sample_idx', None) for sample in data_samples]
        if None in indices:
            raise UserError(
                "model.teacher.cache: the samples lack sample_idx; leave it among PackInputs' "
                'meta_keys'
            )
        return self.cache[indices]

    def __deepcopy__(self, memo: dict) -> 'FrozenTeacher':
        """Itself: nothing changes it."""
        return self

    def _try(self, channels: int) -> Features:
        """Run on batches of two sizes, and compare the features of the images in both."""
        side = self.input_size or PROBE_SIZE
        images = torch.rand(3, channels, side, side, generator=torch.Generator().manual_seed(0))
        # of unequal contrast, so that statistics of two and of three of them differ
        images *= torch.tensor([0.2, 0.5, 2.0]).view(3, 1, 1, 1)
        try:
            pair, three = (self(images[:number]) for number in (2, 3))
        except Exception as error:  # other packages fail in any way
            if is_bug(error):
                raise
            raise UserError(
                f'model.teacher: it cannot read {channels} channels of {side} px '
                f'({reason(error)}); give a network for such images, or input_size'
            ) from error
        if not (_is_of(pair, 2) and _is_of(three, 3)):
            raise UserError(
                'model.teacher: its outputs are not an embedding (N, D) and maps (N, C, H, W) of '
                'finite numbers'
            )
        for few, more in zip((pair.embedding, *pair.maps), (three.embedding, *three.maps)):
            if not torch.allclose(few, more[:2], rtol=1e-3, atol=1e-3 * more.abs().max().item()):
                raise UserError(
                    'model.teacher: its features of an image depend on the other images; export '
                    'it in evaluation mode'
                )
        return pair


def _is_of(features: Features, number: int) -> bool:
    """Check that features have the shapes of those of so many images, and are finite."""
    tensors = (features.embedding, *features.maps)
    shaped = features.embedding.dim() == 2 and all(m.dim() == 4 for m in features.maps)
    return shaped and all(len(x) == number and bool(x.isfinite().all()) for x in tensors)


def build_teacher(
    options: Mapping[str, Any], preprocessor: Mapping[str, Any], channels: int
) -> FrozenTeacher:
    """Build a frozen teacher from its config.

    Args:
        options: The config of a ``TeacherNetwork`` or of a backbone of an OpenMMLab project. It may
            have ``input_size``, ``data_preprocessor`` and ``cache``, a folder, see
            ``FrozenTeacher``.
        preprocessor: The config of the supernet's data preprocessor.
        channels: The channels of the supernet's images.

    Raises:
        UserError: If a setting is unknown or does not fit, the weights are missing or another
            network's, or their checkpoint tells another normalisation.
    """
    if not isinstance(options, Mapping) or 'type' not in options:
        raise UserError(
            "model.teacher: it names no network; give dict(type='mmpretrain.ResNet', ...)"
        )
    own = dict(options)
    folder = own.pop('cache', None)
    if not isinstance(folder, str | None) or folder == '':
        raise UserError(f'model.teacher.cache: {folder!r} is not a folder')
    size, normalisation = own.pop('input_size', None), own.pop('data_preprocessor', None)
    if size is not None and (not isinstance(size, int) or size < 1):
        raise UserError(f'model.teacher.input_size: {size!r} is not a number of pixels')
    with building('model.teacher'):
        cls = MODELS.get(own['type']) if isinstance(own['type'], str) else own['type']
        adapted = isinstance(cls, type) and issubclass(cls, TeacherNetwork)
        network = MODELS.build(own) if adapted else BackboneTeacher(**own)
    if not network.states_images and None in (size, normalisation):
        raise UserError(
            f'model.teacher: {type(network).__name__} does not know its images; give input_size, '
            'and data_preprocessor with mean, std and to_rgb'
        )
    given = None if normalisation is None else Normalisation.of(normalisation)
    if given and network.told not in (None, given):
        mean, std, rgb = network.told
        raise UserError(
            'model.teacher.data_preprocessor: the checkpoint says that its images have '
            f'mean={list(mean)} std={list(std)} to_rgb={rgb}; set those, or leave it out'
        )
    return FrozenTeacher(
        network,
        Normalisation.of(preprocessor),
        channels,
        given,
        size,
        {key: value for key, value in own.items() if key not in PLACES},
        folder,
    )
