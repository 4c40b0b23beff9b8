"""Properties of every distance; those of scores of whole sets are in ``test_whole_set.py``."""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import TASKS, Distance, build_distance, distance_options, distances_of
from gaia_ssl.registry import DISTANCES
from gaia_ssl.utils import UserError

ALL = [
    (task, name)
    for task in TASKS
    for name in distances_of(task)
    if issubclass(DISTANCES.get(f'{task}_{name}'), Distance)
]


def features(distance, seed, channels=7, images=5):
    shape = dict(embedding=(images, channels), map=(images, channels, 3, 4))[distance.reads]
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('task, name', ALL)
def test_the_teacher_is_nearest_to_itself(task, name):
    distance = build_distance(task, name)
    teacher, other = features(distance, 0), features(distance, 1)
    target = distance.target(teacher)
    own = distance(teacher, target)
    assert (distance(other, target) > own).all()
    if name != 'relation':  # whose least value is the teacher's entropy
        assert (own == 0).all()
    # lengths carry nothing
    torch.testing.assert_close(distance(3 * other, target), distance(other, target))


@pytest.mark.parametrize('task, name', ALL)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), images=st.integers(3, 9), channels=st.integers(2, 12))
def test_order_of_images_changes_nothing(task, name, data, images, channels):
    distance = build_distance(task, name)
    order = data.draw(st.permutations(range(images)))
    # a subnet's channels may be fewer; those of embeddings are as many
    teacher = features(distance, 1, channels if distance.reads == 'embedding' else 7, images)
    student = features(distance, 0, channels, images)
    values = distance(student, distance.target(teacher))
    assert values.shape == (images,) and (values >= 0).all() and values.isfinite().all()
    shuffled = distance(student[order], distance.target(teacher[order]))
    torch.testing.assert_close(shuffled, values[order], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('task, name', ALL)
def test_dtype_and_layout_change_nothing(task, name):
    distance = build_distance(task, name)
    student, teacher = features(distance, 0), features(distance, 1)
    kept = student.clone(), teacher.clone()
    target = distance.target(teacher)
    values = distance(student, target).double()
    assert torch.equal(student, kept[0]) and torch.equal(teacher, kept[1])
    variants = [student.double(), torch.stack([student, student], dim=-1)[..., 0]]
    if distance.reads == 'map':
        variants.append(student.contiguous(memory_format=torch.channels_last))
    for variant in variants:
        close = distance(variant, target).double()
        torch.testing.assert_close(close, values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('task, name', ALL)
def test_mixed_precision_rounds_only_the_features(task, name):
    distance = build_distance(task, name)
    student, teacher = (features(distance, seed).bfloat16() for seed in (0, 1))
    with torch.autocast('cpu', torch.bfloat16):
        values = distance(student, distance.target(teacher))
    rounded = distance(student.float(), distance.target(teacher.float()))
    torch.testing.assert_close(values.double(), rounded.double(), rtol=1e-6, atol=0)


@pytest.mark.parametrize('task, name', ALL)
def test_gradients_are_those_of_finite_differences(task, name):
    distance = build_distance(task, name)
    student, teacher = features(distance, 0).double().abs(), features(distance, 1).double().abs()
    target = distance.target(teacher)
    step = 1e-2 * features(distance, 2).double()

    def value(x):
        return distance(x, target).double().mean()

    x = student.clone().requires_grad_()
    value(x).backward()
    slope = (x.grad * step).sum().item()
    difference = (value(student + step / 2) - value(student - step / 2)).item()
    assert slope == pytest.approx(difference, rel=0.01) and slope != 0


@pytest.mark.parametrize('name', DISTANCES.module_dict)
def test_declarations(name):
    cls = DISTANCES.get(name)
    assert cls.task in TASKS and cls.reads in ('embedding', 'map')
    assert cls.task == 'global' or cls.reads == 'map'
    assert set(cls.options) == set(inspect.signature(cls).parameters)
    assert cls.options.items() <= distance_options().items()
    # the text of a command line gives the default
    for option, argument in inspect.signature(cls).parameters.items():
        assert cls.options[option].type(str(argument.default)) == argument.default
        assert f'default: {argument.default}' in cls.options[option].help


@pytest.mark.parametrize('task, name', ALL)
@pytest.mark.parametrize('size', [(3, 4), (40, 30)])
def test_bytes_of_targets(task, name, size):
    distance = build_distance(task, name)
    if distance.reads == 'map':
        target = distance.target(torch.randn(3, 5, *size))
        assert target.nbytes == 3 * distance.target_bytes(5, size)


def test_names():
    assert distances_of('dense') == [
        *('cka', 'cosine', 'dimension', 'kl', 'label_ridge', 'mse', 'pooled_alpha'),
        *('pooled_neighbours', 'pooled_rank', 'separation'),
    ]
    assert {'cosine', 'mse', 'relation', 'neighbours', 'rank'} <= set(distances_of('global'))
    assert type(build_distance('global')) is DISTANCES.get('global_cosine')
    assert type(build_distance('dense')) is DISTANCES.get('dense_mse')
    with pytest.raises(UserError, match='distance: .kl. is unknown for task global; choose from'):
        build_distance('global', 'kl')
    with pytest.raises(UserError, match='task'):
        build_distance('sparse')


def test_options():
    kl = build_distance('dense', 'kl', temperature=0.5, grid=14)
    assert (kl.temperature, kl.grid) == (0.5, 14)
    with pytest.raises(UserError, match="has no option 'gird'; it has temperature, grid$"):
        build_distance('dense', 'kl', gird=14)
    with pytest.raises(UserError, match="cosine .* has no option 'grid'; it has none$"):
        build_distance('global', 'cosine', grid=14)
    for wrong in (1, 7.5, '14'):
        with pytest.raises(UserError, match=f'grid: {wrong!r} is not a whole number'):
            build_distance('dense', 'mse', grid=wrong)
    for wrong in (0, float('nan'), 'hot'):
        with pytest.raises(UserError, match=f'temperature: {wrong!r} is not a positive number'):
            build_distance('global', 'relation', temperature=wrong)
