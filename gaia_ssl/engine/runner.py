"""MMEngine's Runner with one-line error messages for settings that do not fit."""

from inspect import signature
from typing import Any

import torch
import torch.nn as nn
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import FUNCTIONS, OPTIMIZERS, PARAM_SCHEDULERS, Registry
from mmengine.runner import (
    BaseLoop,
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    LogProcessor,
    Runner,
)
from mmengine.visualization import Visualizer
from torch.utils.data import DataLoader

from gaia_ssl.datasets.check import naming_dataset_errors
from gaia_ssl.datasets.views import SEEDED
from gaia_ssl.registry import HOOKS, LOOPS
from gaia_ssl.utils import UserError, building
from gaia_ssl.utils.openmmlab import start_backends
from gaia_ssl.utils.validation import arguments, check_keys, check_numbers

from .ddp import unwrap

# what the default constructor reads; it ignores other keys
_PARAMWISE = (
    'custom_keys', 'norm_decay_mult', 'bias_lr_mult', 'bias_decay_mult', 'dwconv_decay_mult',
    'dcn_offset_lr_mult', 'bypass_duplicate', 'flat_decay_mult',
)  # fmt: skip
# torch's words
_TOO_SMALL = 'Expected more than 1 value per channel when training'


class CheckedRunner(Runner):
    """MMEngine's runner; each part that it builds is guarded by ``building``.

    A setting that does not fit raises a ``UserError`` with its field before the training starts.
    Bugs of this package keep their traceback, and so does whatever fails in the training itself.
    """

    _train_dataloader: Any
    _val_dataloader: Any
    _val_evaluator: Any
    _test_dataloader: Any
    _test_evaluator: Any

    def setup_env(self, env_cfg: dict) -> None:
        """Set up the environment."""
        with building('env_cfg', env_cfg):
            super().setup_env(env_cfg)

    def set_randomness(self, *args: Any, **kwargs: Any) -> None:
        """Seed the generators."""
        with building('randomness', kwargs):
            super().set_randomness(*args, **kwargs)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger."""
        with building('log_level'):
            return super().build_logger(*args, **kwargs)

    def build_log_processor(self, log_processor: LogProcessor | dict) -> LogProcessor:
        """Build the log processor."""
        with building('log_processor', log_processor):
            if isinstance(log_processor, dict):
                check_numbers(LogProcessor, log_processor, 'log_processor')
            return super().build_log_processor(log_processor)

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build the visualizer and start its backends, which import their packages."""
        with building('visualizer', visualizer):
            built = super().build_visualizer(visualizer)
            start_backends(built)
            return built

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model."""
        with building('model', model):
            return super().build_model(model)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model for several processes."""
        with building('model_wrapper_cfg', model_wrapper_cfg):
            return super().wrap_model(model_wrapper_cfg, model)

    def register_hooks(
        self,
        default_hooks: dict[str, Hook | dict] | None = None,
        custom_hooks: list[Hook | dict] | None = None,
    ) -> None:
        """Build the hooks."""
        named = {f'default_hooks.{name}': hook for name, hook in (default_hooks or {}).items()}
        named.update({f'custom_hooks.{i}': hook for i, hook in enumerate(custom_hooks or [])})
        self._fields = {id(hook): name for name, hook in named.items()}
        super().register_hooks(default_hooks, custom_hooks)

    def register_hook(self, hook: Hook | dict, priority: Any = None) -> None:
        """Build a hook, and insert it by its priority."""
        field = self._fields.get(id(hook), 'hooks')
        with building(field, hook):
            if isinstance(hook, dict):
                _check_hook(hook, field)
            super().register_hook(hook, priority)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks; those that set something up before a run read their settings there."""
        if fn_name not in ('before_run', 'before_train'):
            return super().call_hook(fn_name, **kwargs)
        hooks = [self.cfg.get(name) for name in ('default_hooks', 'custom_hooks')]
        with building('default_hooks or custom_hooks', hooks):
            try:
                return super().call_hook(fn_name, **kwargs)
            except TypeError as error:
                # MMEngine raises another one in its place, which hides where it comes from
                raise error.__context__ or error from None

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper | OptimWrapperDict:
        """Build the optimizer in its wrapper, and try its clipping of gradients."""
        with building('optim_wrapper', optim_wrapper):
            _check_optimizer(optim_wrapper)
            built = super().build_optim_wrapper(optim_wrapper)
        if clip := getattr(built, 'clip_grad_kwargs', None):
            gradient = torch.zeros(1, requires_grad=True)
            gradient.grad = torch.ones(1)
            with building('optim_wrapper.clip_grad', clip):
                built.clip_func([gradient], **clip)
        return built

    def scale_lr(self, optim_wrapper: OptimWrapper, auto_scale_lr: dict | None = None) -> None:
        """Scale the learning rate to the batch size."""
        with building('auto_scale_lr', auto_scale_lr):
            loader = self._train_dataloader
            if loader.batch_size is None:
                # a batch sampler has it, which MMEngine does not look into
                self._train_dataloader = dict(batch_size=loader.batch_sampler.batch_size)
            super().scale_lr(optim_wrapper, auto_scale_lr)
            self._train_dataloader = loader

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """Build the schedulers of the optimizer's settings, one after the other."""
        if isinstance(scheduler, dict) or isinstance(self.optim_wrapper, OptimWrapperDict):
            with building('param_scheduler', scheduler):
                return super().build_param_scheduler(scheduler)
        built = []
        for index, one in enumerate(scheduler):
            field = f'param_scheduler.{index}'
            with building(field, one):
                _check_numbers(PARAM_SCHEDULERS, one, field)
                built += super().build_param_scheduler([one])
        return built

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training's dataloader and loop."""
        if isinstance(loop, BaseLoop):
            return loop
        self._train_dataloader = self._build_loader('train_dataloader', self._train_dataloader)
        with building('train_cfg', loop):
            _check_loop(loop)
            built = super().build_train_loop(loop)
            if len(built.dataloader) and built.max_iters < 1:
                raise UserError('train_cfg: it has no iteration; give max_epochs or max_iters')
        return built

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the validation's dataloader, evaluator and loop."""
        if isinstance(loop, BaseLoop):
            return loop
        self._val_dataloader = self._build_loader('val_dataloader', self._val_dataloader)
        self._val_evaluator = self._build_metrics('val_evaluator', self._val_evaluator)
        with building('val_cfg', loop):
            return super().build_val_loop(loop)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the test's dataloader, evaluator and loop."""
        if isinstance(loop, BaseLoop):
            return loop
        self._test_dataloader = self._build_loader('test_dataloader', self._test_dataloader)
        self._test_evaluator = self._build_metrics('test_evaluator', self._test_evaluator)
        with building('test_cfg', loop):
            return super().build_test_loop(loop)

    def _build_loader(self, field: str, settings: DataLoader | dict) -> DataLoader:
        if isinstance(settings, DataLoader):
            return settings
        different = self._randomness_cfg.get('diff_rank_seed', False)
        _check_loader(settings, field)
        with building(field, as_written(settings)), naming_dataset_errors(field):
            return self.build_dataloader(settings, seed=self.seed, diff_rank_seed=different)

    def _build_metrics(self, field: str, settings: Evaluator | dict | list) -> Evaluator:
        with building(field, settings):
            return self.build_evaluator(settings)

    def train(self) -> nn.Module:
        """Train.

        Raises:
            UserError: If a setting does not fit, or a batch is too small for a batch norm.
        """
        _check_parts(unwrap(self.model), self.cfg.get('activation_checkpointing') or [])
        try:
            return super().train()
        except ValueError as error:
            if _TOO_SMALL not in str(error):
                raise
            raise UserError(
                'train_dataloader.batch_size: a batch norm has one value per channel to normalise; '
                'give 2 or more, and drop_last=True'
            ) from error

    def _init_model_weights(self) -> None:
        """Initialise the weights, by ``init_cfg`` of the model's parts."""
        with building('model', self.cfg.get('model')):
            super()._init_model_weights()


def as_written(loader: dict) -> dict:
    """Get a dataloader's settings as a user wrote them, without the seeded dataset around theirs.

    Args:
        loader: The settings, see ``make_resumable``.
    """
    dataset = loader.get('dataset')
    if isinstance(dataset, dict) and dataset.get('type') == SEEDED:
        return {**loader, 'dataset': dataset['dataset']}
    return loader


def _class_of(registry: Registry, settings: Any) -> type | None:
    """Find the class that settings build; what is unknown is named when it is built."""
    kind = settings.get('type') if isinstance(settings, dict) else None
    if isinstance(kind, str):
        with registry.switch_scope_and_registry(settings.get('_scope_')) as scoped:
            kind = scoped.get(kind)
    return kind if isinstance(kind, type) else None


def _check_numbers(registry: Registry, settings: Any, field: str) -> None:
    if cls := _class_of(registry, settings):
        check_numbers(cls, settings, field)


def _check_hook(hook: dict, field: str) -> None:
    _check_numbers(HOOKS, hook, field)
    cls = _class_of(HOOKS, hook)
    if cls and issubclass(cls, CheckpointHook):
        # it passes what it does not know on, when it saves
        _, *saving = signature(Runner.save_checkpoint).parameters
        check_keys(hook, [*arguments(cls), *saving, 'type', 'priority'], field)


def _check_parts(model: nn.Module, names: str | list[str]) -> None:
    for name in [names] if isinstance(names, str) else names:
        try:
            model.get_submodule(name)
        except AttributeError as error:
            parts = ', '.join(part for part, _ in model.named_children())
            raise UserError(
                f'activation_checkpointing: the model has no part {name}; give some of {parts}, or '
                'parts of those'
            ) from error


def _check_loop(loop: dict) -> None:
    default = EpochBasedTrainLoop if loop.get('by_epoch') else IterBasedTrainLoop
    check_numbers(_class_of(LOOPS, loop) or default, loop, 'train_cfg')
    interval = loop.get('val_interval', 1)
    if interval is None or interval < 1:
        raise UserError(f'train_cfg.val_interval: {interval}; give 1 or more')


def _check_loader(loader: dict, field: str) -> None:
    check_numbers(DataLoader, loader, field)
    for name in ('collate_fn', 'worker_init_fn'):
        function = loader.get(name)
        kind = function.get('type') if isinstance(function, dict) else None
        scoped = isinstance(function, dict) and '_scope_' in function
        if isinstance(kind, str) and not scoped and FUNCTIONS.get(kind) is None:
            raise UserError(
                f'{field}.{name}.type: {kind} is not in the function registry; correct it, or '
                'import its module by custom_imports'
            )


def _check_optimizer(optim_wrapper: Any) -> None:
    """Check what MMEngine's default constructor ignores or misunderstands."""
    if not isinstance(optim_wrapper, dict) or 'constructor' in optim_wrapper:
        return
    optimizer = optim_wrapper.get('optimizer')
    if isinstance(optimizer, dict) and 'type' in optimizer:
        if _class_of(OPTIMIZERS, optimizer) is None:
            raise UserError(
                f'optim_wrapper.optimizer.type: {optimizer["type"]} is not in the optimizer '
                'registry; correct it'
            )
    paramwise = optim_wrapper.get('paramwise_cfg') or {}
    if isinstance(paramwise, dict):
        check_keys(paramwise, _PARAMWISE, 'optim_wrapper.paramwise_cfg')
