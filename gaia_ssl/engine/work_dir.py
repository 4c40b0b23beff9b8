"""Work dir of a training: its lock, its record, and the checkpoint to resume from."""

import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.dist import is_main_process
from torch.utils.data import Dataset

from gaia_ssl.utils import UserError
from gaia_ssl.utils.compare import describe_differences, differences
from gaia_ssl.utils.lock import lock

from .checkpoint import latest_checkpoint
from .provenance import describe_config, describe_dataset, read_record, write_record

SCHEDULE_HOOK = 'gaia_ssl.ScheduleHook'


class WorkDir:
    """The work dir of a training, which is new or holds the same training.

    Choosing the checkpoint sets ``resume`` and ``load_from`` of the config, in place. A training
    that is resumed from a named checkpoint takes its learning rates and schedules from the config.

    Args:
        config: The merged config of the training; it names the work dir.
        resume: ``'auto'`` for the latest checkpoint in the work dir, or a checkpoint's path.
            Defaults to the config's ``resume``, which without a ``load_from`` means ``'auto'``. If
            there is no checkpoint yet the training starts, from ``load_from`` if it is set.

    Raises:
        UserError: If the work dir holds a training that is not to be resumed, or another one, or
            the checkpoint does not exist or has another optimizer.
    """

    def __init__(self, config: Config, resume: str | None = None) -> None:
        self.path = config.work_dir
        self.settings = describe_config(config)
        self.named = resume not in (None, 'auto')
        latest = latest_checkpoint(self.path)
        checkpoint = self._choose(config, resume, latest)
        self.before = read_record(osp.dirname(checkpoint)) if checkpoint else None
        if checkpoint is None:
            if latest is not None:
                raise UserError(
                    f'work_dir: {self.path} holds a training already; give --resume to resume it, '
                    'or another work_dir'
                )
            config.resume = False
            return
        if '://' not in checkpoint and not osp.isfile(checkpoint):
            raise UserError(f'resume: {checkpoint} does not exist')
        if latest is not None and not _is_in(checkpoint, self.path):
            raise UserError(
                f'work_dir: {self.path} holds another training than {checkpoint}; give another '
                'work_dir'
            )
        self._compare(checkpoint)
        config.resume, config.load_from = True, checkpoint
        if self.named:
            config.custom_hooks = [*(config.get('custom_hooks') or []), dict(type=SCHEDULE_HOOK)]

    def _choose(self, config: Config, resume: str | None, latest: str | None) -> str | None:
        """The path of the checkpoint to resume from."""
        if self.named:
            return resume
        start = config.get('load_from') if config.get('resume') else None
        if resume is None and start is None and not config.get('resume'):
            return None
        if start is not None and (resume is None or latest is None):
            self.named = True
            return start
        return latest

    def _compare(self, checkpoint: str) -> None:
        """Compare the settings with those that the checkpoint was trained by."""
        found = list(differences((self.before or {}).get('config', {}), self.settings))
        if self.before is None or not found:
            return
        if not self.named:
            raise UserError(
                f'work_dir: {self.path} holds a training by other settings: '
                f'{describe_differences(found)}; give those, or another work_dir, or --resume '
                f'{checkpoint} to go on from it by the new ones'
            )
        if any(difference.field == 'optim_wrapper.optimizer.type' for difference in found):
            raise UserError(
                f'optim_wrapper.optimizer.type: {checkpoint} has the state of another optimizer; '
                'start a new training from its weights by load_from'
            )

    def record(self, dataset: Dataset) -> None:
        """Record what the training is made by, once its images are known.

        Args:
            dataset: The dataset of its dataloader.

        Raises:
            UserError: If a training that is resumed without naming its checkpoint had other images.
        """
        images = describe_dataset(dataset)
        before = (self.before or {}).get('images', images)
        if not self.named and before != images:
            raise UserError(
                f'work_dir: {self.path} holds a training on other images: {before["number"]} then, '
                f'{images["number"]} now, or of other names; give those, or another work_dir'
            )
        if is_main_process():
            write_record(self.path, self.settings, images)


def _is_in(path: str, folder: str) -> bool:
    return osp.realpath(osp.dirname(path)) == osp.realpath(folder)


@contextmanager
def claim_work_dir(config: Config, resume: str | None = None) -> Iterator[WorkDir]:
    """Hold the work dir of a training; see ``WorkDir`` and ``lock`` for arguments and errors."""
    with lock(config.work_dir):
        yield WorkDir(config, resume)
