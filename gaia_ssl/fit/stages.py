"""The stages of a fit: ordinary commands with an ordinary config."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gaia_ssl.benchmark.stages import Stage
from gaia_ssl.benchmark.trainings import keep_last
from gaia_ssl.utils.paths import ROOT, TOOLS

from .plan import Plan
from .request import Request


class Stages:
    """The commands of a fit, all of whose results are below its folder.

    Args:
        request: What is asked for.

    Attributes:
        config: The training config, which is written before the stages run.
        times: The times of a short training.
        checkpoint: The trained supernet.
        subnet: The extracted folder.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.folder = Path(request.work_dir)
        self.config = self.folder / 'config.py'
        self.begin = self.folder / 'start.pth'
        self.timing = self.folder / 'timing'
        self.times = self.timing / 'times.json'
        self.checkpoint = self.folder / 'pretrain' / 'supernet.pth'
        self.subnet = self.folder / 'subnet'

    def before(self) -> list[Stage]:
        """The stages that a plan needs: what the supernet starts from, and a timed training."""
        stages: list[Stage] = []
        needs: list[str] = []
        command: list[Any]
        if self.request.pretrained:
            command = [TOOLS / 'model_converters' / 'network_to_supernet.py']
            command += [self.request.pretrained, self.config, '--out', self.begin]
            stages.append(_stage('start', command, [self.begin]))
            needs = ['start']
        stages.append(
            _stage(
                'timing',
                [TOOLS / 'train.py', self.folder / 'timing.py', '--work-dir', self.timing],
                [self.times],
                needs=needs,
                folder=self.timing,
            )
        )
        if 'latency' in self.request.budget:
            command = [TOOLS / 'latency.py', self.config, '--out', self.latencies]
            stages.append(_stage('latency', command, [self.latencies]))
        return stages

    @property
    def latencies(self) -> Path:
        """The table of measured latencies."""
        return self.folder / 'latency.json'

    def after(self, plan: Plan) -> list[Stage]:
        """The stages that do the work."""
        stages: list[Stage] = []
        command: list[Any]
        labels = self.request.labels
        if self.request.objects is not None:
            file, folder = self.request.objects
            labels = str(self.folder / 'labels')
            command = [TOOLS / 'dataset_converters' / 'coco_to_label_maps.py', '--out', labels]
            command += ['--annotations', file, '--images', folder]
            stages.append(_stage('labels', command, [Path(labels)], folder=Path(labels)))
        return [
            *stages,
            self._draw('views', 'browse_views', [self.config], []),
            self._pretrain(),
            self._draw('training', 'plot_training', [self.checkpoint.parent], ['pretrain']),
            self._search(plan, labels, [stage.name for stage in stages]),
            self._extract(),
            self._draw(
                'neighbours',
                'nearest_neighbours',
                [self.subnet, '--images', self.request.images],
                ['extract'],
            ),
        ]

    def _draw(self, name: str, tool: str, arguments: Sequence[Any], needs: Sequence[str]) -> Stage:
        picture = self.folder / f'{name}.png'
        command = [TOOLS / 'analysis_tools' / f'{tool}.py', *arguments, '--out', picture]
        return _stage(name, command, [picture], needs=needs)

    def _pretrain(self) -> Stage:
        folder = self.checkpoint.parent
        return _stage(
            'pretrain',
            [TOOLS / 'train.py', self.config, '--work-dir', folder, '--resume'],
            [folder / 'last_checkpoint', self.checkpoint],
            collect=lambda: keep_last(self.checkpoint),
            folder=folder,
            resumes=True,
        )

    def _search(self, plan: Plan, labels: str | None, needs: Sequence[str]) -> Stage:
        folder = self.folder / 'search'
        command: list[Any] = [TOOLS / 'search.py', self.config, self.checkpoint]
        command += ['--images', self.request.images, '--work-dir', folder, '--resume']
        for name, value in plan.search.items():
            command += [f'--{name.replace("_", "-")}', *_words(value)]
        if labels is not None:
            command += ['--judge', labels]
        if 'latency' in self.request.budget:
            command += ['--latency-table', self.latencies]
        judged = [] if labels is None else [folder / 'judge.json']
        return _stage(
            'search',
            command,
            [folder / 'search.json', folder / 'search.html', *judged],
            needs=['pretrain', *needs],
            folder=folder,
            resumes=True,
        )

    def _extract(self) -> Stage:
        command: list[Any] = [TOOLS / 'extract.py', self.config, self.checkpoint]
        command += ['--from', self.folder / 'search' / 'search.json', '--out', self.subnet]
        command += ['--calibrate', self.request.images]
        return _stage(
            'extract',
            command,
            [self.subnet / 'backbone.pth'],
            needs=['search'],
            folder=self.subnet,
        )


def _words(value: Any) -> list[str]:
    return [*map(str, value)] if isinstance(value, (list, tuple)) else [str(value)]


def _stage(name: str, command: Sequence[Any], outputs: Sequence[Path], **fields: Any) -> Stage:
    """A stage that runs a Python script with the package at hand."""
    command = [sys.executable, *map(str, command)]
    return Stage(name, command, outputs, env=dict(PYTHONPATH=str(ROOT)), **fields)
