"""Runs: an arm on a task, planned as one stage that trains and one that tests."""

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gaia_ssl.engine.downstream import load_downstream_config
from gaia_ssl.engine.provenance import TESTING, TRAINING, describe_config
from gaia_ssl.utils import UserError
from gaia_ssl.utils.compare import describe_differences, differences
from gaia_ssl.utils.files import write_json
from gaia_ssl.utils.paths import ROOT, last_checkpoint

from .arms import Arm
from .launch import Launch
from .metrics import as_shares
from .stages import Stage
from .tasks import Task


class Run(NamedTuple):
    """An arm on a task.

    Attributes:
        task: The task.
        arm: The arm.
        folder: Where its checkpoints go; its test's result goes to ``test/`` there.
        options: The settings of its config to override, as command lines take them.
        launch: How it is started.
    """

    task: Task
    arm: Arm
    folder: Path
    options: Sequence[str]
    launch: Launch

    @property
    def name(self) -> str:
        """``task/arm``."""
        return f'{self.task.name}/{self.arm.name}'

    @property
    def checkpoint(self) -> Path:
        """A link to its last checkpoint, made once it is trained."""
        return self.folder / 'last.pth'

    def stages(self) -> list[Stage]:
        """Its training and its test."""
        paths = [str(ROOT), *filter(None, [os.getenv('PYTHONPATH')])]
        env = dict(PYTHONPATH=os.pathsep.join(paths))
        return [
            Stage(
                f'{self.name}/train',
                self.train(),
                [self.checkpoint],
                collect=self._keep_checkpoint,
                env=env,
            ),
            Stage(
                f'{self.name}/test',
                self.test(),
                [self.folder / 'test'],
                collect=self.figures,
                needs=[f'{self.name}/train'],
                env=env,
            ),
        ]

    def train(self) -> list[str]:
        """The command line that trains it, or resumes its training."""
        return self._command('train', [], ['--work-dir', str(self.folder), '--resume'])

    def test(self) -> list[str]:
        """The command line that tests its last checkpoint."""
        options = ['--work-dir', str(self.folder / 'test')]
        return self._command('test', [str(self.checkpoint)], options)

    def line(self) -> str:
        """Both command lines as one line of shell."""
        folder = shlex.quote(str(self.folder))
        last = f'{folder}/"$(basename "$(cat {folder}/last_checkpoint)")"'
        test = [last if x == str(self.checkpoint) else shlex.quote(x) for x in self.test()]
        return f'{shlex.join(self.train())} && {" ".join(test)}'

    def figures(self) -> dict[str, float | None]:
        """The figures of its last test, as shares of one; None for what is undefined.

        Raises:
            LookupError: If it is not tested yet.
        """
        # the Runner names the file after its folder
        results = sorted(p for p in self.folder.glob('test/*/*.json') if p.stem == p.parent.name)
        if not results:
            raise LookupError(f'{self.folder / "test"} holds no result')
        return as_shares(json.loads(results[-1].read_text()), self.task.metrics)

    def is_done(self) -> bool:
        """Tell if it is trained and tested, by this command or another."""
        try:
            return bool(self.figures())
        except LookupError:
            return False

    def claim(self) -> None:
        """Record in its folder what identifies it.

        Raises:
            UserError: If another run was begun there, or it cannot be written.
        """
        path = self.folder / 'run.json'
        config = load_downstream_config(str(self.task.config), str(self.arm.subnet))
        identity = dict(
            subnet_sha256=self.arm.digest(),
            options=[*self.options],
            config=describe_config(config, (*TRAINING, *TESTING)),
        )
        if path.is_file():
            found = list(differences(json.loads(path.read_text()), identity))
            if found:
                raise UserError(
                    f'--work-dir: {self.folder} was begun with other settings: '
                    f'{describe_differences(found)}; give another --work-dir, or delete that '
                    'folder to run it anew'
                )
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(path, identity)
        except OSError as error:
            raise UserError(
                f'--work-dir: {self.folder} cannot be written ({error.strerror}); give another'
            ) from error

    def _command(self, action: str, checkpoint: Sequence[str], options: Sequence[str]) -> list[str]:
        job = self.name.replace('/', '_')
        if self.options:
            options = [*options, '--cfg-options', *self.options]
        return self.launch.command(
            action, job, self.task.config, self.arm.subnet, checkpoint, options
        )

    def _keep_checkpoint(self) -> dict[str, Any]:
        self.checkpoint.unlink(missing_ok=True)
        self.checkpoint.symlink_to(os.path.relpath(last_checkpoint(self.folder), self.folder))
        return {}


def make_runs(
    tasks: Sequence[Task], arms: Sequence[Arm], folder: Path, options: Sequence[str], launch: Launch
) -> list[Run]:
    """Every arm on every task.

    Args:
        tasks: The tasks.
        arms: The arms.
        folder: Below it each run has its own.
        options: Settings of the configs to override, as command lines take them.
        launch: How they are started.

    Raises:
        UserError: If random weights are asked of a task that loads none.
    """
    runs = []
    for task in tasks:
        for arm in arms:
            if arm.random and not task.weights:
                raise UserError(
                    f'--baselines: random is not a baseline for {task.config}, which loads no '
                    'weights of the subnet'
                )
            random = [f'{key}=None' for key in task.weights] if arm.random else []
            place = folder / task.name / arm.name
            runs.append(Run(task, arm, place, [*options, *random], launch))
    return runs
