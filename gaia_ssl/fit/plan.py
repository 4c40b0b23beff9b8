"""A plan: how long to train, how many subnets to score, and what it will take."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from gaia_ssl.datasets.sources import find_images
from gaia_ssl.models.supernet import build_supernet_backbone
from gaia_ssl.search import Limits, Search, SearchSettings
from gaia_ssl.search.judge import RANDOM, SHORT_LIST
from gaia_ssl.search.tree import Node
from gaia_ssl.space import COSTS, Budget, count_cost

from .recipe import RECIPES
from .request import Request
from .survey import Survey

HALF = (0.45, 0.55)
"""The default budget, as shares of MAX's multiply-adds."""
SEARCH_SHARE = 0.4
"""The share of the time that search and judges may take."""
SEARCH_IMAGES = 512
"""Images that subnets are scored on, see docs/en/user_guides/search.md."""
PROBE = dict(archs=24, images=128)
"""A search that is timed."""
SHORT = {'views': 1, 'training': 1, 'extract': 2, 'neighbours': 2}
"""Stages that take hardly longer than it takes to begin, and how many times as long."""
LEAST, MOST = 32, 4096
"""Subnets that are scored, at least and at most."""


@dataclass(frozen=True)
class Plan:
    """The work of a fit, and the time that it takes.

    Args:
        start: The recipe, in words.
        images: Facts of the images, see ``Survey``.
        side: Side of the views in pixels.
        epochs: Epochs of the training.
        iterations: Iterations of each.
        feasible: Archs within the budget.
        search: Options of tools/search.py.
        seconds: Seconds that each stage will take, by its name.
        peak_bytes: Memory that the training takes.
        minutes: What all should take.
    """

    start: str
    images: dict[str, Any]
    side: int
    epochs: int
    iterations: int
    feasible: int
    search: dict[str, Any]
    seconds: dict[str, float]
    peak_bytes: int
    minutes: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for ``plan.json``."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan to be read, each line with the option that changes it."""
        about, search = self.images, self.search
        colours = f', {about["gray"]:.0%} of them gray' if about['gray'] else ''
        budget = ', '.join(
            f'{cost} {search[cost][0]} to {search[cost][1]}' for cost in COSTS if cost in search
        )
        number = search.get('num', self.feasible)
        together = sum(self.seconds.values())
        least = f', more than {self.minutes:g} min: an epoch and {LEAST} subnets are the least'
        over = least if together > 1.2 * 60 * self.minutes else ''
        rows = [
            (
                'images',
                f'{about["number"]:,} of {about["side"]} px, the shorter side{colours}',
                '--images',
            ),
            ('supernet', self.start, '--teacher, --pretrained'),
            ('views', f'{self.side} px', '--input-size'),
            (
                'training',
                f'{self.epochs} epoch{"s" * (self.epochs > 1)} of {self.iterations} iterations: '
                f'{_minutes(self.seconds["pretrain"])}, {self.peak_bytes / 2**30:.1f} GiB',
                '--minutes',
            ),
            (
                'search',
                f'{number:,} of the {self.feasible:,} subnets of {budget}, on '
                f'{search["num_images"]} images: {_minutes(self.seconds["search"])}',
                '--task, --flops, --params, --latency',
            ),
            ('extraction', _minutes(self.seconds['extract']), ''),
            ('together', f'{_minutes(together)}{over}', '--minutes'),
        ]
        width = max(len(text) for _, text, _ in rows)
        return [f'{name:10}  {text:{width}}  {option}'.rstrip() for name, text, option in rows]


def search_options(request: Request, config: Config, side: int, number: int) -> dict[str, Any]:
    """Options of tools/search.py, but for the strategy.

    Args:
        request: What is asked for.
        config: The training config.
        side: Side of the views in pixels.
        number: The number of images.
    """
    budget: dict[str, Sequence[str]] = dict(request.budget)
    if not budget:
        with torch.device('meta'):
            space = build_supernet_backbone(config).space
        most = count_cost(space, space.max, side).flops
        budget = dict(flops=[f'{share * most / 1e6:.4g}M' for share in HALF])
    own = RECIPES[request.start].search[request.kind]
    return dict(
        task=request.kind,
        **own,
        **budget,
        input_size=side,
        num_images=min(SEARCH_IMAGES, number),
        seed=request.seed,
    )


def settings_of(options: dict[str, Any], latencies: str | None) -> SearchSettings:
    """The settings that these options give, with the table of latencies if there is one."""
    own = {key: value for key, value in options.items() if key not in COSTS}
    budget = Budget.parse({key: value for key, value in options.items() if key in COSTS})
    return SearchSettings(**own, budget=budget, latencies=latencies)


def make_plan(
    request: Request, survey: Survey, config: Config, job: Search, times: dict[str, Any]
) -> Plan:
    """Plan a fit by what was measured.

    Args:
        request: What is asked for.
        survey: The images.
        config: The training config; its epochs are set.
        job: A search by ``search_options`` of the timed training's checkpoint.
        times: Of the timed training, see ``StopwatchHook``; ``images`` is how many it had, and
            ``command`` in how many seconds it began.
    """
    recipe, searches = RECIPES[request.start], Searches(job)
    judged = 0.0
    if request.labels is not None:
        # the largest and the widest are judged, too
        judged = searches.seconds(SHORT_LIST + RANDOM + 2)
        judged *= 1 + count_labels(request) / len(job.images)
    strategy, seconds = searches.within(SEARCH_SHARE * 60 * request.minutes - judged)
    seconds += judged
    iterations = survey.number // config.train_dataloader.batch_size
    epoch = iterations * times['wall_iteration']
    setup = times['wall_setup'] * max(1, min(survey.number, recipe.passed) / times['images'])
    command = times['command']
    short = {name: factor * command for name, factor in SHORT.items()}
    left = 60 * request.minutes - seconds - setup - 2 * command - sum(short.values())
    epochs = int(min(max(1, left // epoch), recipe.epochs))
    config.train_cfg.max_epochs = epochs
    return Plan(
        start=recipe.about.format(Path(request.network or '').name),
        images=survey._asdict(),
        side=job.settings.input_size,
        epochs=epochs,
        iterations=iterations,
        feasible=len(job.candidates.feasible),
        search=search_options(request, config, job.settings.input_size, survey.number) | strategy,
        seconds=dict(
            pretrain=command + setup + epochs * epoch,
            search=command + seconds,
            **short,
        ),
        peak_bytes=times['peak_bytes'],
        minutes=request.minutes,
    )


class Searches:
    """The time of searches, by one that is timed.

    Args:
        job: A search of the images, whatever its strategy.
    """

    def __init__(self, job: Search) -> None:
        self.job = job
        images, archs = min(PROBE['images'], len(job.images)), PROBE['archs']
        probe = self._with(archs, images)
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            probe.run(folder, limits=Limits())
            taken = time.perf_counter() - begin
        self.per_multiply_add = taken / multiply_adds(probe)

    def _with(self, archs: int | None, images: int | None = None) -> Search:
        """The search with another strategy: random archs, or all."""
        job = self.job
        strategy = dict(type='exhaustive') if archs is None else dict(type='random', num=archs)
        number = len(job.images) if images is None else images
        settings = replace(job.settings, strategy=strategy, num_images=number)
        return Search(job.model, job.images.images, settings)

    def seconds(self, archs: int | None) -> float:
        """The seconds that a search of so many archs takes, or of all."""
        return self.per_multiply_add * multiply_adds(self._with(archs))

    def within(self, affordable: float) -> tuple[dict[str, Any], float]:
        """Options of the largest search that takes so many seconds, and its seconds."""
        number = len(self.job.candidates.feasible)
        if number <= MOST and (seconds := self.seconds(None)) <= affordable:
            return dict(strategy='exhaustive'), seconds
        archs = min(number, MOST)
        # fewer archs share less of their computation, so that one step does not suffice
        for _ in range(3):
            seconds = self.seconds(archs)
            if archs <= LEAST or seconds <= affordable:
                break
            archs = max(LEAST, int(archs * affordable / seconds))
        return dict(strategy='random', num=archs), self.seconds(archs)


def multiply_adds(job: Search) -> int:
    """The multiply-adds of a search's first round, on all its images."""
    candidates = job.candidates
    indices = next(candidates.strategy.rounds(candidates.feasible))
    anchors = list(candidates.anchors.values())
    archs = [c.arch for c in (*(candidates.feasible[i] for i in indices), *anchors)]
    tree = job.scoring.plan(archs, len(anchors), Limits()).evaluator.tree
    return len(job.images) * _multiply_adds(tree)


def _multiply_adds(node: Node) -> int:
    return node.flops + sum(map(_multiply_adds, node.children.values()))


def count_labels(request: Request) -> int:
    """The number of labeled images."""
    if request.objects is not None:
        return len(find_images([f'{request.objects[0]}:{request.objects[1]}']))
    folder = Path(request.labels or '')
    return len(find_images([str(folder if request.kind == 'global' else folder / 'images')]))


def _minutes(seconds: float) -> str:
    return f'{seconds / 60:.0f} min' if seconds >= 90 else f'{seconds:.0f} s'
