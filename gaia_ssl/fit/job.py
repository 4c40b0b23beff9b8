"""A fit from its request to its report."""

import json
from pathlib import Path

import torch
from mmengine.config import Config

from gaia_ssl.benchmark.pipeline import Pipeline
from gaia_ssl.benchmark.stages import Records
from gaia_ssl.benchmark.stopwatch import WARM
from gaia_ssl.search import Search
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import write_json
from gaia_ssl.utils.paths import last_checkpoint

from .plan import Plan, make_plan, search_options, settings_of
from .recipe import RECIPES, make_config
from .request import Request
from .stages import Stages
from .survey import survey

BATCH, LEAST_IMAGES = 64, 32
TIMED = 10
"""Iterations that are timed, after the warm-up."""


class Fit:
    """A fit: looks at the images, plans, and runs the stages.

    Args:
        request: What is asked for.

    Attributes:
        survey: Facts of the images.
        config: The training config that suits them; a plan sets its epochs.

    Raises:
        UserError: If the images are too few, or a network does not suit; nothing is written then.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.stages = Stages(request)
        self.folder = Path(request.work_dir)
        self.survey = survey(request.images)
        if self.survey.number < LEAST_IMAGES:
            raise UserError(
                f'images: {self.survey.number} in {request.images} are too few; give '
                f'{LEAST_IMAGES} or more'
            )
        self.config = self._config()

    def plan(self) -> Plan:
        """The plan, made once: what it needs is measured, and the config is written.

        Raises:
            StageError: If a stage fails.
            UserError: If no subnet is within the budget.
        """
        path = self.folder / 'plan.json'
        if path.is_file():
            return Plan(**json.loads(path.read_text()))
        self.config.dump(self.stages.config)
        timed = self._timed()
        timed.dump(self.folder / 'timing.py')
        Pipeline(self.stages.before(), self.folder, cores=1).run()
        times = json.loads(self.stages.times.read_text())
        times |= dict(images=timed.train_dataloader.dataset.indices, command=self._command(times))
        plan = make_plan(self.request, self.survey, self.config, self._search(), times)
        self.config.dump(self.stages.config)
        write_json(path, plan.to_dict())
        return plan

    def run(self, plan: Plan) -> None:
        """Run the stages that are not done yet.

        Raises:
            StageError: If one fails.
        """
        Pipeline(self.stages.after(plan), self.folder, cores=1).run()

    def _config(self) -> Config:
        """The training config, fitted to the number and the size of the images."""
        request, found = self.request, self.survey
        least = RECIPES[request.start].least_side
        side = request.input_size or found.view_side(least, torch.cuda.is_available())
        begin = None if request.pretrained is None else str(self.stages.begin)
        config = make_config(request.start, request.images, side, request.network, begin)
        batch = min(BATCH, found.number // 4)
        # an image is in the queue once at most
        queue = max(batch, min(config.model.queue_len, found.number // 2) // batch * batch)
        config.merge_from_dict(
            {
                'train_dataloader.batch_size': batch,
                'model.queue_len': queue,
                'randomness.seed': request.seed,
            }
        )
        if request.start == 'teacher':
            config.model.teacher.cache = str(self.folder / 'teacher')
        config.merge_from_dict(request.options)
        return config

    def _timed(self) -> Config:
        """The config of a training of a few iterations, which is timed."""
        iterations = WARM + TIMED
        config = Config(self.config.to_dict())
        batch = config.train_dataloader.batch_size
        config.merge_from_dict(
            {
                'custom_imports.imports': [
                    *config.custom_imports.imports,
                    'gaia_ssl.benchmark.stopwatch',
                ],
                'train_dataloader.dataset.indices': min(self.survey.number, batch * iterations),
                'train_cfg': dict(_delete_=True, type='IterBasedTrainLoop', max_iters=iterations),
                'param_scheduler': [],
                'default_hooks.checkpoint': dict(by_epoch=False, interval=iterations),
                'custom_hooks': [
                    *config.get('custom_hooks', []),
                    dict(type='StopwatchHook', out=str(self.stages.times)),
                ],
            }
        )
        if 'cache' in config.model.get('teacher', {}):
            config.model.teacher.cache = str(self.stages.timing / 'teacher')
        return config

    def _command(self, times: dict[str, float]) -> float:
        """Seconds in which the timed training began: those that it did not train."""
        record = Records(self.folder)['timing']
        trained = times['wall_setup'] + times['iterations'] * times['wall_iteration']
        return max(1.0, record['end'] - record['start'] - trained)

    def _search(self) -> Search:
        """A search of the timed training's supernet."""
        side = self.config.search.input_size
        options = search_options(self.request, self.config, side, self.survey.number)
        latencies = str(self.stages.latencies) if 'latency' in options else None
        return Search.from_files(
            self.config,
            str(last_checkpoint(self.stages.timing)),
            self.request.images,
            settings_of(options, latencies),
        )
