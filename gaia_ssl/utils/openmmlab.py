"""Every patch of MMEngine and mmpretrain, and every use of their private names.

What a subclass inherits is in ``gaia_ssl/engine``: a Runner, a wrapper and hooks.

Read in mmengine 0.10.7 and mmpretrain 1.2.0, and in onedl-mmengine 0.10.12 and onedl-mmpretrain
1.3.6. A new version of either is to be compared with this file first.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from io import TextIOWrapper
from itertools import chain, repeat
from logging import FileHandler, Handler, LogRecord
from threading import RLock
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.hooks import checkpoint_hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import FUNCTIONS
from mmengine.runner import CheckpointLoader, IterBasedTrainLoop, Runner
from mmengine.visualization import Visualizer
from torch import Tensor
from torch.utils.data import DataLoader

from .checkpoint import read_checkpoint
from .errors import UserError
from .files import TEXT


def adapt_openmmlab() -> None:
    """Apply all changes, once; ``gaia_ssl.registry`` does it when it is imported."""
    # MMEngine finds `_base_ = 'mmseg::...'` by the name that a package is installed under: ours is
    # not in its table, and mmseg has two. By a module's name it finds both.
    MODULE2PACKAGE.update(gaia_ssl='gaia_ssl', mmseg='mmseg')
    _load_checkpoints_safely()
    _leave_out_multimodal()
    _take_scopes_of_functions()
    _log_names_of_files()


_loading = RLock()  # torch.load belongs to the process


def _load_checkpoints_safely() -> None:
    """Let MMEngine load checkpoints by ``read_checkpoint``, whatever their scheme.

    All of MMEngine's loading comes through ``CheckpointLoader.load_checkpoint``. What it calls by
    the scheme (local files, http, pavi, s3, torchvision, open-mmlab, mmcls) ends in ``torch.load``:
    mmengine's with PyTorch's defaults, which refuse a Runner's own checkpoints and, by torch.hub,
    run what a download holds; onedl's with a list of classes that has ``getattr`` in it, and
    without any list where that fails.
    """
    original = CheckpointLoader.load_checkpoint.__func__
    if hasattr(original, '__wrapped__'):
        return

    @wraps(original)
    def load_checkpoint(
        cls: type[CheckpointLoader],
        filename: str,
        map_location: Any = None,
        logger: Any = 'current',
    ) -> Any:
        with _loading, patch.object(torch, 'load', partial(_torch_load, name=filename)):
            try:
                return original(cls, filename, map_location, logger)
            except FileNotFoundError as error:
                raise UserError(f'checkpoint: {filename} does not exist') from error

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)


def _torch_load(f: Any, map_location: Any = None, *, name: str, **options: Any) -> Any:
    return read_checkpoint(f, name, map_location=map_location, **options)


def _leave_out_multimodal() -> None:
    """Let ``mmpretrain.models`` be imported beside any version of transformers.

    Where transformers is installed, mmpretrain imports its multimodal models, which need names that
    newer versions of transformers lack. It asks ``mmpretrain.utils.dependency.WITH_MULTIMODAL``.
    """
    _when_imported('mmpretrain.utils.dependency', _without_multimodal)


def _without_multimodal(module: ModuleType) -> None:
    vars(module)['WITH_MULTIMODAL'] = False


def read_lists_by(read: Callable[[str, str, bool], Iterable[dict]]) -> None:
    """Let ``mmpretrain.CustomDataset`` read its lists of images by another function.

    Its own takes a byte-order mark, blanks, an empty line or a label for a part of a path, and does
    not look whether the images exist. Lists that are not local files are left to it.

    Args:
        read: Gives the samples of an ``ann_file``, the folder that its paths are relative to, and
            whether lines have labels.
    """

    def change(module: ModuleType) -> None:
        original = module.CustomDataset.load_data_list
        if hasattr(original, '__wrapped__'):
            return

        @wraps(original)
        def load_data_list(self: Any) -> list[dict]:
            file, folder = self.ann_file, self.img_prefix
            if not file or '://' in f'{file}{folder}':
                return original(self)
            return list(read(file, folder, self.with_label))

        module.CustomDataset.load_data_list = load_data_list

    _when_imported('mmpretrain.datasets.custom', change)


def _when_imported(name: str, change: Callable[[ModuleType], None]) -> None:
    """Change a module of mmpretrain, now or as soon as something else imports it.

    It is not imported here: mmdet and mmseg do without mmpretrain.
    """
    if name in sys.modules:
        change(sys.modules[name])
    elif not any(isinstance(finder, _Changer) and finder.name == name for finder in sys.meta_path):
        sys.meta_path.insert(0, _Changer(name, change))


class _Changer(MetaPathFinder, Loader):
    """Changes a module as soon as it is imported."""

    loader: Loader

    def __init__(self, name: str, change: Callable[[ModuleType], None]) -> None:
        self.name = name
        self.change = change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        self.change(module)


def _take_scopes_of_functions() -> None:
    """Let a dataloader's functions come from a config of another package.

    MMEngine writes ``_scope_`` into the dicts with a ``type`` of a config that is inherited by
    ``_base_ = 'gaia_ssl::...'``. Whatever is built from a registry is built in that scope.
    ``Runner.build_dataloader`` does not build ``collate_fn`` and ``worker_init_fn``: it passes all
    but their ``type`` on to the function.
    """
    original = Runner.build_dataloader
    if hasattr(original, '__wrapped__'):
        return

    @wraps(original)
    def build_dataloader(dataloader: DataLoader | dict, *args: Any, **kwargs: Any) -> DataLoader:
        if isinstance(dataloader, dict):
            dataloader = dataloader.copy()
            for name in ('collate_fn', 'worker_init_fn'):
                if isinstance(dataloader.get(name), dict):
                    dataloader[name] = _function_in_scope(dataloader[name])
        return original(dataloader, *args, **kwargs)

    Runner.build_dataloader = staticmethod(build_dataloader)


def _function_in_scope(function: dict) -> dict:
    function = function.copy()
    scope = function.pop('_scope_', None)
    if scope is not None and isinstance(function.get('type'), str):
        with FUNCTIONS.switch_scope_and_registry(scope) as registry:
            function['type'] = registry.get(function['type']) or function['type']
    return function


def _log_names_of_files() -> None:
    """Let log files hold names of files that are not UTF-8, and warn once if a disk is full.

    Lines with such names would be lost, and every line on a full disk prints a traceback.
    MMEngine's ``CheckpointHook`` writes the path of the last checkpoint by ``open``; it fails.
    """
    checkpoint_hook.open = partial(open, **TEXT)
    original = MMLogger.__init__
    if hasattr(original, '__wrapped__'):
        return

    @wraps(original)
    def init(self: MMLogger, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        for handler in self.handlers:
            if isinstance(handler, FileHandler) and isinstance(handler.stream, TextIOWrapper):
                handler.stream.reconfigure(**TEXT)
            handler.handleError = partial(_handle_error, handler, [])

    MMLogger.__init__ = init


def _handle_error(handler: Handler, told: list[OSError], record: LogRecord) -> None:
    error = sys.exc_info()[1]
    if not isinstance(error, OSError):
        type(handler).handleError(handler, record)
    elif not told:
        told.append(error)
        name = getattr(handler, 'baseFilename', 'standard output')
        print(f'warning: {name}: {error.strerror}', file=sys.stderr)


def backward_uncounted(optim_wrapper: OptimWrapper, loss: Tensor) -> None:
    """Backpropagate without counting an iteration of gradient accumulation.

    ``OptimWrapper.backward`` adds one to ``_inner_count``, by which ``should_update`` decides;
    an iteration of a supernet backpropagates several subnets and counts once.
    """
    optim_wrapper.backward(loss)
    optim_wrapper._inner_count -= 1


def resumed_from(runner: Runner) -> str | None:
    """Get the checkpoint that a runner resumes from, or ``None`` if it does not resume.

    A hook's ``after_load_checkpoint`` is not told whether a checkpoint is resumed from, or only
    its weights are loaded; the Runner knows it by two private attributes.
    """
    return runner._load_from if runner._resume else None


def start_at_next_batch(loop: IterBasedTrainLoop, loader: DataLoader) -> None:
    """Let a resumed loop by iterations take the batches that a dataloader gives from now on.

    For a sampler that itself begins where the training stopped. mmengine's loop asks its iterator
    for ``loop.iter`` batches first; onedl's skips that if it is told to.
    """
    asked = 0 if hasattr(loop, 'fast_forward_on_resume') else loop.iter
    loop.fast_forward_on_resume = True
    loop.dataloader_iterator = chain(repeat(None, asked), iter(loader))


def start_backends(visualizer: Visualizer) -> None:
    """Let the backends of a visualizer import their packages now.

    A backend does it when its ``experiment`` is first asked for. The visualizer gives out its
    backends by their names, and has no list of the names.
    """
    for backend in visualizer._vis_backends.values():
        backend.experiment  # noqa: B018
