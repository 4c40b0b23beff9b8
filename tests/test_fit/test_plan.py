"""Plans by what was measured."""

import json
import re
from dataclasses import replace

import pytest

from gaia_ssl.fit import plan as planning
from gaia_ssl.fit.plan import (
    Plan,
    Searches,
    count_labels,
    make_plan,
    multiply_adds,
    search_options,
    settings_of,
)
from gaia_ssl.fit.request import Request
from gaia_ssl.fit.survey import survey
from gaia_ssl.search import Search
from gaia_ssl.space import count_cost, get_space

TIMES = dict(wall_setup=2.0, wall_iteration=0.5, images=24, peak_bytes=3 << 30, command=15.0)


@pytest.fixture
def asked(images, labels, tmp_path):
    return Request(str(images), str(tmp_path), labels=str(labels), minutes=10)


@pytest.fixture
def job(asked, config, checkpoint):
    options = search_options(asked, config, 32, 48)
    return Search.from_files(config, str(checkpoint), asked.images, settings_of(options, None))


@pytest.fixture
def slow(monkeypatch):
    """A search takes a second for each multiply-add by so much."""

    def make(seconds):
        def init(self, job):
            self.job, self.per_multiply_add = job, seconds

        monkeypatch.setattr(Searches, '__init__', init)

    return make


def test_half_of_the_largest_is_the_default(asked, config, job):
    options = search_options(asked, config, 32, 48)
    low, high = job.settings.budget.intervals['flops']
    most = count_cost(job.candidates.space, job.candidates.space.max, 32).flops
    assert low / most == pytest.approx(0.45, rel=1e-3)
    assert high / most == pytest.approx(0.55, rel=1e-3)
    assert (options['num_images'], options['input_size'], options['seed']) == (48, 32, 0)
    assert search_options(asked, config, 32, 10**6)['num_images'] == planning.SEARCH_IMAGES
    own = replace(asked, budget=dict(params=['1M', '2M']), task='detection', labels=None)
    options = search_options(own, config, 32, 48)
    assert options['params'] == ['1M', '2M'] and 'flops' not in options
    assert settings_of(options, None).task == 'dense'


def test_a_timed_search_tells_the_time_of_others(job):
    searches = Searches(job)
    assert 0 < searches.per_multiply_add < 1e-6
    # more archs, more time, but less for each: they share computation
    few, many = searches.seconds(10), searches.seconds(100)
    assert few < many < 10 * few


def test_multiply_adds_of_one_arch_are_those_of_its_path(job):
    anchors = job.candidates.anchors.values()
    one = replace(job.settings, strategy=dict(type='random', num=1))
    found = multiply_adds(Search(job.model, job.images.images, one)) / len(job.images)
    index = next(
        Search(job.model, job.images.images, one).candidates.strategy.rounds(
            job.candidates.feasible
        )
    )[0]
    alone = [job.candidates.feasible[index].costs['flops']]
    alone += [anchor.costs['flops'] for anchor in anchors]
    # the four share their beginnings, and the neck comes on top
    assert max(alone) < found < 1.05 * sum(alone)


def test_all_archs_where_there_is_time(asked, config, job, slow):
    config.train_dataloader.batch_size = 8
    slow(1e-12)
    plan = make_plan(asked, survey(asked.images), config, job, TIMES)
    assert plan.search['strategy'] == 'exhaustive' and 'num' not in plan.search
    assert plan.feasible == len(job.candidates.feasible) and plan.iterations == 6


def test_as_many_as_there_is_time_for(asked, config, job, slow, monkeypatch):
    config.train_dataloader.batch_size = 8
    rate = 60.0 / multiply_adds(job)
    slow(rate)
    monkeypatch.setattr(planning, 'LEAST', 4)
    plan = make_plan(asked, survey(asked.images), config, job, TIMES)
    number = plan.search['num']
    assert 4 < number < plan.feasible
    share = planning.SEARCH_SHARE * 60 * asked.minutes
    assert 0.7 * share < plan.seconds['search'] - TIMES['command'] < 1.1 * share
    # the judges take what they take, eight labeled images beside the 48
    judged = Searches(job).seconds(19) * (1 + 8 / 48)
    assert plan.seconds['search'] == pytest.approx(
        Searches(job).seconds(number) + judged + TIMES['command']
    )
    # the training has what is left, in whole epochs
    setup = TIMES['wall_setup'] + TIMES['command']
    left = 600 - plan.seconds['search'] - setup - sum(planning.SHORT.values()) * TIMES['command']
    assert plan.epochs == int(left // (6 * 0.5)) == config.train_cfg.max_epochs
    assert plan.seconds['pretrain'] == pytest.approx(setup + plan.epochs * 3)
    assert 590 < sum(plan.seconds.values()) <= 600
    assert Plan(**json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize('passed, factor', [(0, 1), (36, 1.5), (10**9, 2)])
def test_a_teacher_sees_images_before_the_first_iteration(
    asked, config, job, slow, monkeypatch, passed, factor
):
    config.train_dataloader.batch_size = 8
    slow(1e-12)
    recipe = planning.RECIPES['scratch']._replace(passed=passed)
    monkeypatch.setitem(planning.RECIPES, 'scratch', recipe)
    # half of the images were timed
    plan = make_plan(replace(asked, minutes=1), survey(asked.images), config, job, TIMES)
    assert plan.seconds['pretrain'] == pytest.approx(2 * factor + TIMES['command'] + 3)


def test_the_plan_is_read(asked, config, job, slow):
    config.train_dataloader.batch_size = 8
    slow(1e-12)
    lines = make_plan(asked, survey(asked.images), config, job, TIMES).lines()
    text = '\n'.join(lines)
    assert re.search(r'images +48 of 32 px, the shorter side +--images', text)
    assert re.search(r'MoCo v2, from random weights +--teacher, --pretrained', text)
    assert re.search(r'training +\d+ epochs of 6 iterations: \d+ min, 3.0 GiB +--minutes', text)
    most = count_cost(job.candidates.space, get_space('tiny10to22').max, 32).flops
    number = f'{len(job.candidates.feasible):,}'
    wanted = f'search +{number} of the {number} subnets of flops {0.45 * most / 1e6:.4g}M to '
    assert re.search(wanted, text)
    assert 'are the least' not in text


def test_too_little_time_is_told(asked, config, job, slow):
    config.train_dataloader.batch_size = 8
    slow(60.0 / multiply_adds(job))
    plan = make_plan(replace(asked, minutes=0.5), survey(asked.images), config, job, TIMES)
    assert (plan.epochs, plan.search['num']) == (1, planning.LEAST)
    assert 'more than 0.5 min: an epoch and 32 subnets are the least' in plan.lines()[-1]


def test_labels_are_counted(asked, images, tmp_path):
    assert count_labels(asked) == 8
    (tmp_path / 'maps' / 'annotations').mkdir(parents=True)
    (tmp_path / 'maps' / 'images').symlink_to(images)
    maps = replace(asked, task='segmentation', labels=str(tmp_path / 'maps'))
    assert count_labels(maps) == 48
    listed = [dict(id=i, file_name=f'{i:03d}.png', height=32, width=40) for i in range(5)]
    (tmp_path / 'coco.json').write_text(json.dumps(dict(images=listed, annotations=[])))
    objects = replace(asked, task='detection', labels=f'{tmp_path}/coco.json:{images}')
    assert count_labels(objects) == 5
