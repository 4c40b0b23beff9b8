"""Properties of every score of a whole set; those by labels are in ``test_labels.py``."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import TASKS, LabelScore, WholeSetScore, build_distance, distances_of
from gaia_ssl.registry import DISTANCES

ALL = [
    (task, name)
    for task in TASKS
    for name in distances_of(task)
    if issubclass(DISTANCES.get(f'{task}_{name}'), WholeSetScore)
    and not issubclass(DISTANCES.get(f'{task}_{name}'), LabelScore)
]
TEACHER_FREE = ('rank', 'alpha', 'separation', 'dimension')
WITH_TEACHER = [case for case in ALL if not case[1].endswith(TEACHER_FREE)]
# the order of images decides their halves, or which are clustered together
IN_ORDER = ('regression', 'separation', 'dimension')
EQUAL_CHANNELS = ('relation_qk',)


def features(score, seed, channels=7, images=16):
    shape = dict(embedding=(images, channels), map=(images, channels, 3, 4))[score.reads]
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def measure(score, student, teacher, sizes=None):
    """The score of images in groups."""
    sizes = sizes or [len(student)]
    targets = [score.target(part) for part in teacher.split(sizes)]
    kept = [score.collect(part, t) for part, t in zip(student.split(sizes), targets)]
    while len(kept) > 1:  # as a search merges, batch by batch
        kept[:2] = [score.merge(kept[:2])]
    return score.score(kept[0], score.prepare(iter(targets)))


@pytest.mark.parametrize('task, name', WITH_TEACHER)
def test_the_teacher_is_nearest_to_itself(task, name):
    score = build_distance(task, name)
    teacher, other = features(score, 0), features(score, 1)
    own = measure(score, teacher, teacher)
    assert own < measure(score, other, teacher)
    if 'regression' not in name:  # which predicts other images
        assert own == pytest.approx(0, abs=1e-12)
    # a common length carries nothing
    assert measure(score, 3 * other, teacher) == pytest.approx(measure(score, other, teacher))


@pytest.mark.parametrize('task, name', ALL)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), images=st.integers(12, 20), channels=st.integers(2, 12))
def test_groups_and_order_of_images_change_nothing(task, name, data, images, channels):
    score = build_distance(task, name)
    # a subnet's channels may be others
    teacher = features(score, 1, channels if name in EQUAL_CHANNELS else 7, images)
    student = features(score, 0, channels, images)
    whole = measure(score, student, teacher)
    assert abs(whole) < float('inf') and (whole >= 0 or name == 'separation')
    first = data.draw(st.integers(1, images - 1))
    split = measure(score, student, teacher, [first, images - first])
    assert split == pytest.approx(whole, rel=1e-9, abs=1e-12)
    if not name.endswith(IN_ORDER):
        order = data.draw(st.permutations(range(images)))
        shuffled = measure(score, student[order], teacher[order])
        assert shuffled == pytest.approx(whole, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize('task, name', ALL)
def test_layout_changes_nothing_and_inputs_stay(task, name):
    score = build_distance(task, name)
    student, teacher = features(score, 0), features(score, 1)
    kept = student.clone(), teacher.clone()
    value = measure(score, student, teacher)
    assert torch.equal(student, kept[0]) and torch.equal(teacher, kept[1])
    other = torch.stack([student, student], dim=-1)[..., 0]
    assert measure(score, other, teacher) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize('task, name', ALL)
def test_mixed_precision_rounds_only_the_features(task, name):
    score = build_distance(task, name)
    student, teacher = (features(score, seed).bfloat16() for seed in (0, 1))
    with torch.autocast('cpu', torch.bfloat16):
        value = measure(score, student, teacher)
    assert value == pytest.approx(measure(score, student.float(), teacher.float()), rel=1e-5)


@pytest.mark.parametrize('task, name', ALL)
def test_features_that_are_not_finite_have_no_score(task, name):
    score = build_distance(task, name)
    student, teacher = features(score, 0), features(score, 1)
    student[3] = torch.nan
    assert measure(score, student, teacher) != measure(score, student, teacher)


@pytest.mark.parametrize('task, name', ALL)
@pytest.mark.parametrize('size', [(3, 4), (40, 30)])
def test_bytes(task, name, size):
    score = build_distance(task, name)
    if score.reads == 'map':
        maps = torch.randn(3, 5, *size)
        target = score.target(torch.randn(3, 6, *size))
        assert target.nbytes <= 3 * score.target_bytes(6, size)
        assert score.collect(maps, target).nbytes <= score.kept_bytes(3, 5, 6)
