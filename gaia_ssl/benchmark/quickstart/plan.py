"""The plan of the quickstart: the command line of every stage."""

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gaia_ssl.utils.paths import CONFIGS, ROOT, TOOLS

from ..metrics import METRICS, read_evaluation
from ..stages import Stage, StageError
from ..trainings import keep_last

SUPERNET = CONFIGS / 'mocov2' / 'mocov2_tiny10to22_bs128-coslr_scenes.py'
TAUGHT = CONFIGS / 'distill' / 'distill_tiny10to22_bs128-coslr_scenes.py'
SEARCH_SIZE = 128  # both searches count multiply-adds at this input size
FLOPS = ('16M', '24M')  # a third to a half of the largest subnet's
ARMS = ('pretrained', 'random')
DATA = ('scenes', 'coco20')


class Task(NamedTuple):
    """A downstream task.

    Attributes:
        project: The package whose train script trains it.
        kind: Kind of the search whose best subnet it uses.
        evaluator: The type of its evaluator.
    """

    project: str
    kind: str
    evaluator: str


TASKS = dict(  # the longest first
    detection=Task('mmdet', 'dense', 'CocoMetric'),
    segmentation=Task('mmseg', 'dense', 'IoUMetric'),
    classification=Task('mmpretrain', 'global', 'Accuracy'),
)


@dataclasses.dataclass(frozen=True)
class Budget:
    """The amount of data, training and search.

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
# every stage runs, too shortly to learn anything
SMOKE = Budget(
    data=('--train-scenes', '16', '--val-scenes', '8', '--per-class', '8'),
    pretrain={
        'train_cfg.max_epochs': 1,
        'train_dataloader.batch_size': 32,
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
    """The train script that comes with an OpenMMLab project.

    Raises:
        StageError: If the project is not installed.
    """
    spec = importlib.util.find_spec(project)
    if spec is None or spec.origin is None:
        raise StageError(f'{project} is not installed')
    return Path(spec.origin).parent / '.mim' / 'tools' / 'train.py'


def make_plan(work_dir: Path, data: str, smoke: bool, teacher: str | None = None) -> 'Plan':
    """The plan of a quickstart with these options, see ``run.py --help``."""
    return Plan(work_dir, data, SMOKE if smoke else FULL, teacher)


class Images(NamedTuple):
    """The images of a search, on which its best subnet is finetuned too.

    Attributes:
        stage: Name of the stage that makes them.
        root: Folder of the stage.
        unlabeled: Folder of training images without labels, for the search.
        side: Side of the images in pixels, at which batch norms are calibrated.
    """

    stage: str
    root: Path
    unlabeled: Path
    side: int


class Plan:
    """The stages of one quickstart.

    Args:
        work_dir: The folder of all results; absolute.
        data: ``'scenes'``, or ``'coco20'`` to detect and segment on photographs instead.
        budget: The amount of data, training and search.
        teacher: Checkpoint of a ResNet-50 in torchvision's layout that teaches the supernet.
            Defaults to none: the supernet learns by MoCo v2.
    """

    def __init__(
        self,
        work_dir: Path,
        data: str = 'scenes',
        budget: Budget = FULL,
        teacher: str | None = None,
    ) -> None:
        self.work_dir = work_dir
        self.data = data
        self.budget = budget
        self.supernet = SUPERNET if teacher is None else TAUGHT
        self.teaching = {} if teacher is None else dict(GAIA_SSL_TEACHER=teacher)
        self.made = work_dir / 'data'  # sprites and scenes: all that is pretrained on
        self.checkpoint = work_dir / 'pretrain' / 'supernet.pth'
        scenes = Images('data', self.made, self.made / 'unlabeled' / 'scenes', 128)
        photographs = work_dir / 'coco20'
        self.images = {
            'dense': scenes
            if data == 'scenes'
            else Images('photographs', photographs, photographs / 'coco' / 'train2017', 192),
            'global': Images('data', self.made, self.made / 'unlabeled' / 'sprites', 64),
        }

    def stages(self) -> list[Stage]:
        """All stages, each after the stages it needs."""
        stages = [*self.subnets(), *(self.randomise(kind) for kind in self.images)]
        stages += [self.finetune(task, arm) for task in TASKS for arm in ARMS]
        return [*stages, self._raw_pixels(), self._draw('detection'), self._draw('segmentation')]

    def subnets(self) -> list[Stage]:
        """The stages up to the extracted subnets."""
        stages = [self._make_data()]
        if self.data == 'coco20':
            stages.append(self._fetch_photographs())
        stages.append(self._pretrain())
        stages += [self._search(kind) for kind in self.images]
        return stages + [self._extract(kind) for kind in self.images]

    def randomise(self, kind: str, seed: int = 0, prefix: str = '') -> Stage:
        """The stage that copies the best subnet of a search with random weights.

        Args:
            kind: Of the search, ``'dense'`` or ``'global'``.
            seed: Seed of the weights.
            prefix: Goes before the names of the stage and of its folder.
        """
        folder = self._subnet(kind, 'random', prefix)
        return self._stage(
            f'{prefix}randomise_{kind}',
            [TOOLS / 'quickstart' / 'random_subnet.py', self._subnet(kind), '--seed', seed]
            + ['--out', folder],
            outputs=[folder / 'backbone.pth'],
            needs=[f'extract_{kind}'],
            folder=folder,
        )

    def finetune(
        self, task: str, arm: str, settings: dict[str, Any] | None = None, prefix: str = ''
    ) -> Stage:
        """The stage that trains a downstream model with its project's own script.

        Args:
            task: One of TASKS.
            arm: One of ARMS; ``'random'`` needs ``randomise`` of the same prefix.
            settings: Settings of the config to override. Defaults to the budget's.
            prefix: Goes before the names of the stage and of its folder.
        """
        project, kind, evaluator = TASKS[task]
        folder = self.work_dir / f'{prefix}{task}_{arm}'
        if settings is None:
            settings = self.budget.finetune.get(task, {})
        return self._stage(
            f'{prefix}{task}_{arm}',
            [train_script(project), self._config(task), '--work-dir', folder, *options(settings)],
            outputs=[folder / 'last_checkpoint'],
            collect=lambda: read_evaluation(folder, METRICS[evaluator]),
            needs=[f'extract_{kind}' if arm == 'pretrained' else f'{prefix}randomise_{kind}'],
            env=self._env(kind, arm, prefix),
            folder=folder,
        )

    def best(self, kind: str) -> dict[str, Any]:
        """The best subnet of a search: arch, flops, params and distance."""
        found = json.loads((self.work_dir / f'search_{kind}' / 'search.json').read_text())
        return {key: found['subnets'][0][key] for key in ('arch', 'flops', 'params', 'distance')}

    def _stage(
        self, name: str, command: list, env: dict[str, str] | None = None, **fields: Any
    ) -> Stage:
        """A stage that runs a Python script on one thread, with the package at hand."""
        # several threads beside another busy process are slower than one
        threads = {f'{library}_NUM_THREADS': '1' for library in ('OMP', 'MKL', 'OPENBLAS')}
        return Stage(
            name,
            [sys.executable, *map(str, command)],
            env=dict(threads, PYTHONPATH=str(ROOT), **(env or {})),
            **fields,
        )

    def _subnet(self, kind: str, arm: str = 'pretrained', prefix: str = '') -> Path:
        """The folder of a subnet."""
        name = f'subnet_{kind}' if arm == 'pretrained' else f'{prefix}subnet_{kind}_random'
        return self.work_dir / name

    def _env(self, kind: str, arm: str = 'pretrained', prefix: str = '') -> dict[str, str]:
        """Environment variables of the configs in configs/quickstart/."""
        return dict(
            GAIA_SSL_SUBNET=str(self._subnet(kind, arm, prefix)),
            GAIA_SSL_DATA=str(self.images[kind].root),
        )

    def _config(self, task: str) -> Path:
        name = dict(
            classification='linear_sprites',
            detection=f'mask-rcnn_{self.data}',
            segmentation=f'fcn_{self.data}',
        )[task]
        return CONFIGS / 'quickstart' / f'{name}.py'

    def _make_data(self) -> Stage:
        record = self.made / 'scenes.json'
        script = TOOLS / 'dataset_converters' / 'fashion_scenes.py'
        return self._stage(
            'data',
            [script, '--out', self.made, *self.budget.data],
            outputs=[record],
            collect=lambda: json.loads(record.read_text())['scenes'],
            folder=self.made,
        )

    def _fetch_photographs(self) -> Stage:
        stage, folder, *_ = self.images['dense']
        return self._stage(
            stage,
            [TOOLS / 'dataset_converters' / 'coco20.py', '--out', folder],
            outputs=[folder / 'coco20.json'],
            folder=folder,
        )

    def _pretrain(self) -> Stage:
        folder = self.checkpoint.parent
        return self._stage(
            'pretrain',
            [TOOLS / 'train.py', self.supernet, '--work-dir', folder, '--resume']
            + options(self.budget.pretrain),
            outputs=[folder / 'last_checkpoint', self.checkpoint],
            collect=lambda: keep_last(self.checkpoint),
            needs=['data'],
            cores=2,  # one trains, one loads
            env=dict(self.teaching, GAIA_SSL_DATA=str(self.made)),
            folder=folder,
            resumes=True,
        )

    def _search(self, kind: str) -> Stage:
        images = self.images[kind]
        folder = self.work_dir / f'search_{kind}'
        command: list[Any] = [TOOLS / 'search.py', self.supernet, self.checkpoint]
        command += ['--images', images.unlabeled]
        command += ['--task', kind, '--flops', *FLOPS]
        command += ['--strategy', 'random', '--num', self.budget.num]
        command += ['--input-size', SEARCH_SIZE, '--work-dir', folder, '--resume']
        return self._stage(
            f'search_{kind}',
            command,
            outputs=[folder / 'search.json', folder / 'distance.png'],
            collect=lambda: self.best(kind),
            needs=['pretrain', images.stage],
            env=self.teaching,
            folder=folder,
            resumes=True,
        )

    def _extract(self, kind: str) -> Stage:
        folder = self._subnet(kind)
        command: list[Any] = [TOOLS / 'extract.py', self.supernet, self.checkpoint, '--out', folder]
        command += ['--from', self.work_dir / f'search_{kind}' / 'search.json', '--rank', 1]
        # a linear probe freezes the backbone with the batch-norm statistics that it loads
        images = self.images[kind]
        command += ['--calibrate', images.unlabeled, '--input-size', images.side]
        return self._stage(
            f'extract_{kind}',
            command,
            outputs=[folder / 'backbone.pth'],
            needs=[f'search_{kind}'],
            env=self.teaching,
            folder=folder,
        )

    def _raw_pixels(self) -> Stage:
        out = self.work_dir / 'raw_pixels.json'
        return self._stage(
            'raw_pixels',
            [TOOLS / 'quickstart' / 'raw_pixels.py', self.made / 'sprites', '--out', out],
            outputs=[out],
            collect=lambda: dict(top1=json.loads(out.read_text())['top1']),
            needs=['data'],
        )

    def _draw(self, task: str) -> Stage:
        picture = self.work_dir / f'{task}.png'
        trained = self.work_dir / f'{task}_pretrained'
        return self._stage(
            f'draw_{task}',
            [TOOLS / 'quickstart' / 'draw.py', task, self._config(task), trained, '--out', picture],
            outputs=[picture],
            needs=[f'{task}_pretrained'],
            env=self._env(TASKS[task].kind),
        )
