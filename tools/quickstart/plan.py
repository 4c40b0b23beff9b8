"""What the quickstart runs: every stage's command line."""

import dataclasses
import importlib.util
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages import Stage

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
CONFIGS = ROOT / 'configs'
SUPERNET = CONFIGS / 'mocov2' / 'mocov2_tiny10to22_bs128-coslr_scenes.py'
SEARCH_SIZE = 128  # both searches count multiply-adds at this input size
FLOPS = ('16M', '24M')  # a third to a half of the largest subnet's
ARMS = ('pretrained', 'random')
DATA = ('scenes', 'coco20')

# What each task's val log calls its figures, and what the report calls them.
METRICS = {
    'classification': {'accuracy/top1': 'top1'},
    'detection': {
        'coco/bbox_mAP': 'bbox_mAP',
        'coco/bbox_mAP_50': 'bbox_mAP_50',
        'coco/segm_mAP': 'segm_mAP',
    },
    'segmentation': {'mIoU': 'mIoU'},
}
PROJECTS = dict(classification='mmpretrain', detection='mmdet', segmentation='mmseg')


@dataclasses.dataclass(frozen=True)
class Budget:
    """How much of everything.

    Args:
        data: Options for the maker of the scenes.
        pretrain: Settings of the pretraining config to override.
        num: Archs that a search draws.
        finetune: Settings of each task's config to override.
    """

    data: Sequence[str] = ()
    pretrain: dict[str, Any] = dataclasses.field(default_factory=dict)
    num: int = 100
    finetune: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)


def epochs(num: int, scheduler: int) -> dict[str, Any]:
    """Settings for a schedule of ``num`` epochs; the ``scheduler``-th anneals."""
    return {
        'train_cfg.max_epochs': num,
        'train_cfg.val_interval': num,
        f'param_scheduler.{scheduler}.T_max': num,
    }


def iterations(num: int) -> dict[str, Any]:
    """Settings for a schedule of ``num`` iterations."""
    return {
        'train_cfg.max_iters': num,
        'train_cfg.val_interval': num,
        'param_scheduler.1.T_max': num,
        'default_hooks.checkpoint.interval': num,
    }


FULL = Budget()
# everything runs, nothing is learned
SMOKE = Budget(
    data=('--train-scenes', '16', '--val-scenes', '8', '--per-class', '8'),
    pretrain={
        'train_cfg.max_epochs': 1,
        'param_scheduler.0.T_max': 1,
        'train_dataloader.batch_size': 32,
        'model.queue_len': 64,
        'default_hooks.checkpoint.interval': 1,
    },
    num=4,
    finetune=dict(classification=epochs(1, 0), detection=epochs(1, 1), segmentation=iterations(2)),
)
# for a comparison over several seeds: one or two epochs
SHORT = dict(classification=epochs(1, 0), detection=epochs(2, 1), segmentation=iterations(250))


def options(settings: dict[str, Any]) -> list[str]:
    """Settings as OpenMMLab's command lines take them."""
    if not settings:
        return []
    return ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]


def train_script(project: str) -> Path:
    """The train script that comes with an OpenMMLab project."""
    package = Path(importlib.util.find_spec(project).submodule_search_locations[0])
    return package / '.mim' / 'tools' / 'train.py'


def read_metrics(work_dir: Path, names: dict[str, str]) -> dict[str, float | None]:
    """Read the figures of a training's last evaluation.

    Args:
        work_dir: The training's folder.
        names: Their names in the log, and ours.

    Returns:
        By our names; None for what is undefined.

    Raises:
        LookupError: If the logs hold no evaluation.
    """
    for log in sorted(work_dir.glob('*/vis_data/scalars.json'), reverse=True):
        for line in reversed(log.read_text().splitlines()):
            scalars = json.loads(line)
            if all(name in scalars for name in names):
                return {
                    ours: scalars[name] if math.isfinite(scalars[name]) else None
                    for name, ours in names.items()
                }
    raise LookupError(f'no evaluation in {work_dir}')


class Plan:
    """The stages of one quickstart.

    Args:
        work_dir: Where everything goes; absolute.
        data: ``'scenes'``, or ``'coco20'`` to detect and segment on photographs instead.
        budget: How much of everything.
    """

    def __init__(self, work_dir: Path, data: str = 'scenes', budget: Budget = FULL) -> None:
        self.work_dir = work_dir
        self.data = data
        self.budget = budget
        self.scenes = work_dir / 'data'  # for pretraining and for classification
        self.target = work_dir / 'coco20' if data == 'coco20' else self.scenes
        self.checkpoint = work_dir / 'pretrain' / 'supernet.pth'

    def stages(self) -> list[Stage]:
        """All stages, each after those it needs."""
        stages = [*self._data(), self._pretrain()]
        stages += [self._search('dense'), self._search('global')]
        stages += [self._extract('dense'), self._extract('global')]
        for task in ('detection', 'segmentation', 'classification'):
            stages += [self.finetune(task, arm) for arm in ARMS]
        return [*stages, self._raw_pixels(), self._draw('detection'), self._draw('segmentation')]

    def finetune(
        self,
        task: str,
        arm: str,
        settings: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> Stage:
        """Train a downstream model with its project's own script.

        Args:
            task: One of PROJECTS.
            arm: One of ARMS.
            settings: Settings of the config to override. Defaults to the budget's.
            name: Of the stage and of its folder. Defaults to task and arm.
        """
        name = name or f'{task}_{arm}'
        subnet, data = self._subnet(task)
        settings = dict(self.budget.finetune.get(task, {}) if settings is None else settings)
        if arm == 'random':
            settings['model.backbone.init_cfg'] = None
        folder = self.work_dir / name
        return self._stage(
            name,
            [train_script(PROJECTS[task]), self._config(task), '--work-dir', folder]
            + options(settings),
            outputs=[folder / 'last_checkpoint'],
            collect=lambda: read_metrics(folder, METRICS[task]),
            needs=[f'extract_{subnet}', self._data_stage(data)],
            env=self._env(subnet, data),
            scratch=folder,
        )

    def _stage(self, name, command, env=None, **fields) -> Stage:
        """A stage that runs a Python script on one thread, with the package at hand."""
        # threads beside another busy process are slower than none
        threads = {f'{library}_NUM_THREADS': '1' for library in ('OMP', 'MKL', 'OPENBLAS')}
        return Stage(
            name,
            [sys.executable, *map(str, command)],
            env=dict(threads, PYTHONPATH=str(ROOT), **(env or {})),
            **fields,
        )

    def _data_stage(self, data: Path) -> str:
        return 'photographs' if data.name == 'coco20' else 'data'

    def _env(self, subnet: str, data: Path) -> dict[str, str]:
        return dict(
            GAIA_SSL_SUBNET=str(self.work_dir / f'subnet_{subnet}'), GAIA_SSL_DATA=str(data)
        )

    def _subnet(self, task: str) -> tuple[str, Path]:
        """Which search's subnet a task uses, and its data."""
        return ('global', self.scenes) if task == 'classification' else ('dense', self.target)

    def _config(self, task: str) -> Path:
        name = dict(
            classification='linear_sprites',
            detection=f'mask-rcnn_{self.data}',
            segmentation=f'fcn_{self.data}',
        )[task]
        return CONFIGS / 'quickstart' / f'{name}.py'

    def _data(self) -> list[Stage]:
        converters = TOOLS / 'dataset_converters'
        made = self._stage(
            'data',
            [converters / 'fashion_scenes.py', '--out', self.scenes, *self.budget.data],
            outputs=[self.scenes / 'scenes.json'],
            collect=lambda: json.loads((self.scenes / 'scenes.json').read_text())['scenes'],
        )
        if self.data == 'scenes':
            return [made]
        fetched = self._stage(
            'photographs',
            [converters / 'coco20.py', '--out', self.target],
            outputs=[self.target / 'coco20.json'],
        )
        return [made, fetched]

    def _pretrain(self) -> Stage:
        folder = self.work_dir / 'pretrain'
        return self._stage(
            'pretrain',
            [TOOLS / 'train.py', SUPERNET, '--work-dir', folder, '--resume']
            + options(self.budget.pretrain),
            outputs=[folder / 'last_checkpoint'],
            collect=lambda: self._keep_supernet(folder),
            needs=['data'],
            cores=2,  # one trains, one loads
            env=dict(GAIA_SSL_DATA=str(self.scenes)),
        )

    def _keep_supernet(self, folder: Path) -> dict[str, float | None]:
        """Link the last checkpoint under a fixed name; return the last loss."""
        last = Path((folder / 'last_checkpoint').read_text().strip())
        self.checkpoint.unlink(missing_ok=True)
        self.checkpoint.symlink_to(last.name)
        return read_metrics(folder, dict(loss='loss'))

    def _search(self, task: str) -> Stage:
        folder = self.work_dir / f'search_{task}'
        data = self.scenes if task == 'global' else self.target
        if task == 'global':
            images = data / 'unlabeled' / 'sprites'
        else:
            images = data / 'unlabeled' / 'scenes' if data == self.scenes else data / 'coco'
        command = [TOOLS / 'search.py', SUPERNET, self.checkpoint, '--images', images]
        command += ['--task', task, '--flops', *FLOPS, '--num', self.budget.num]
        command += ['--input-size', SEARCH_SIZE, '--work-dir', folder, '--resume']
        return self._stage(
            f'search_{task}',
            command,
            outputs=[folder / 'search.json', folder / 'distance.png'],
            collect=lambda: self.best(task),
            needs=['pretrain', self._data_stage(data)],
        )

    def best(self, task: str) -> dict[str, Any]:
        """The best subnet of a search: arch, flops, params and distance."""
        found = json.loads((self.work_dir / f'search_{task}' / 'search.json').read_text())
        return {key: found['subnets'][0][key] for key in ('arch', 'flops', 'params', 'distance')}

    def _extract(self, task: str) -> Stage:
        folder = self.work_dir / f'subnet_{task}'
        found = self.work_dir / f'search_{task}' / 'search.json'
        # statistics of the images that are finetuned on; a probe keeps them
        kind = 'sprites' if task == 'global' else 'scenes'
        command = [TOOLS / 'extract.py', SUPERNET, self.checkpoint, '--from', found, '--rank', 1]
        command += ['--out', folder, '--calibrate', self.scenes / 'unlabeled' / kind]
        return self._stage(
            f'extract_{task}',
            command,
            outputs=[folder / 'backbone.pth'],
            needs=[f'search_{task}'],
            scratch=folder,
        )

    def _raw_pixels(self) -> Stage:
        out = self.work_dir / 'raw_pixels.json'
        return self._stage(
            'raw_pixels',
            [TOOLS / 'quickstart' / 'raw_pixels.py', self.scenes / 'sprites', '--out', out],
            outputs=[out],
            collect=lambda: dict(top1=json.loads(out.read_text())['top1']),
            needs=['data'],
        )

    def _draw(self, task: str) -> Stage:
        picture = self.work_dir / f'{task}.png'
        trained = self.work_dir / f'{task}_pretrained'
        subnet, data = self._subnet(task)
        return self._stage(
            f'draw_{task}',
            [TOOLS / 'quickstart' / 'draw.py', task, self._config(task), trained, '--out', picture],
            outputs=[picture],
            needs=[f'{task}_pretrained'],
            env=self._env(subnet, data),
        )
