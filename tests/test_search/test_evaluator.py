"""The tree's distances are those of scoring extracted subnets one at a time."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import TASKS, Distance, build_distance, distances_of
from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.search.batchnorm import group_statistics, set_statistics
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.groups import micro_batches, split_groups
from gaia_ssl.search.terms import build_terms
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')
CASES = [
    (task, name, stages)
    for task in TASKS
    for name in distances_of(task)
    if isinstance(build_distance(task, name), Distance)
    for stages in ([None] if task == 'global' else [(3,), (1, 3)])
]
ARCHS = st.lists(st.integers(0, len(SPACE) - 1).map(SPACE.__getitem__), min_size=1, max_size=3)
SUM = ('global', dict(cosine=1.0, dense_mse=0.5, relation=2.0), (2, 3))


def one_by_one(encoders, images, archs, terms, bn_group, policy):
    """Distances of static networks in training mode, whose batches share statistics."""

    def static(encoder, arch):
        backbone = encoder[0].extract(arch).train()
        backbone.out_indices = (0, 1, 2, 3)
        neck = copy.deepcopy(encoder[1]).train()

        def features(batch):
            maps = backbone(batch)
            return dict(enumerate(maps), embedding=neck(maps[3:])[0])

        return features

    student, teacher = encoders
    target = static(teacher, SPACE.max)
    subnets = [static(student, arch) for arch in archs]
    scores = np.zeros((len(archs), len(terms)))
    groups = split_groups(len(images), bn_group)
    sizes = [len(group) for group in groups]
    batches = [images] if policy is set_statistics else images.split(sizes)
    with torch.no_grad():
        for batch in batches:
            parts = sizes if policy is set_statistics else [len(batch)]
            theirs = target(batch)
            for row, subnet in zip(scores, subnets):
                ours = subnet(batch)
                for k, term in enumerate(terms):
                    keys = ['embedding'] if term.score.reads == 'embedding' else term.stages
                    for key in keys:
                        for a, b in zip(ours[key].split(parts), theirs[key].split(parts)):
                            values = term.score(a, term.score.target(b))
                            row[k] += values.double().sum().item() / len(keys)
    return scores / len(images)


def as_tree(encoders, images, archs, terms, bn_group, micro_batch, policy=group_statistics, room=0):
    evaluator = TreeEvaluator(*encoders, terms, archs, images.shape[2:], policy)
    groups = split_groups(len(images), bn_group)
    micro_batch = len(groups) if policy is set_statistics else micro_batch
    rows = []
    for batch in micro_batches(len(groups), micro_batch):
        part = images[groups[batch[0]].start : groups[batch[-1]].stop]
        rows.extend(evaluator(part, [len(groups[g]) for g in batch], room=room))
    assert np.shape(rows) == (len(groups), len(archs), len(terms))
    return sum(rows) / len(images)


@pytest.mark.parametrize(
    'task, name, stages, policy',
    [
        *((*case, group_statistics) for case in (*CASES, SUM)),
        *((*case, set_statistics) for case in (CASES[0], CASES[-1], SUM)),
    ],
)
@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    archs=ARCHS,
    bn_group=st.integers(4, 14),
    micro_batch=st.integers(1, 4),
)
def test_tree_equals_one_by_one(
    encoders, images, task, name, stages, policy, archs, bn_group, micro_batch
):
    archs = [SPACE.max, *archs, archs[0]]  # a candidate may come twice
    terms = build_terms(task, name, stages, 4)
    tree = as_tree(encoders, images, archs, terms, bn_group, micro_batch, policy)
    plain = one_by_one(encoders, images, archs, terms, bn_group, policy)
    np.testing.assert_allclose(tree, plain, rtol=1e-5, atol=1e-12)
    assert (tree[1] == tree[-1]).all()


@pytest.mark.parametrize('task, name, stages', [CASES[0], CASES[-1], SUM])
def test_branches_together_equal_one_by_one(encoders, images, task, name, stages):
    rng = np.random.default_rng(0)
    archs = [SPACE.max, *(SPACE.sample(rng) for _ in range(12))]
    images = torch.cat([images, images.flip(3)])
    terms = build_terms(task, name, stages, 4)
    calls = []
    step = DynamicResNet.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            DynamicResNet, 'run', lambda net, *args: calls.append(args) or step(net, *args)
        )
        tree = as_tree(encoders, images, archs, terms, 9, 4, room=2**22)
    assert max(len(x) for _, x in calls) > len(images)
    plain = one_by_one(encoders, images, archs, terms, 9, group_statistics)
    np.testing.assert_allclose(tree, plain, rtol=1e-5, atol=1e-12)


def test_half_precision_is_near(encoders, images):
    terms, size = build_terms('global', None, None, 4), images.shape[2:]
    full, half = (
        np.array(TreeEvaluator(*encoders, terms, [SPACE.min], size, dtype=dtype)(images, [14]))
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half != full
    np.testing.assert_allclose(half, full, rtol=0.05)


@pytest.mark.parametrize('task', TASKS)
def test_max_is_at_no_distance_from_itself(encoders, images, task):
    student, _ = encoders
    terms = build_terms(task, None, None, 4)
    tree = as_tree((student, student), images, [SPACE.max, SPACE.min], terms, 6, 1)
    assert tree[0] == 0 < tree[1]


def test_networks_are_as_before(encoders, images):
    before = copy.deepcopy([net.state_dict() for pair in encoders for net in pair])
    modes = [m.training for pair in encoders for net in pair for m in net.modules()]
    as_tree(encoders, images, [SPACE.min], build_terms('global', None, None, 4), 6, 2)
    after = [net.state_dict() for pair in encoders for net in pair]
    for old, new in zip(before, after, strict=True):
        assert old.keys() == new.keys()
        assert all(torch.equal(old[key], new[key]) for key in old)
    assert modes == [m.training for pair in encoders for net in pair for m in net.modules()]


def test_report_counts_candidates(encoders, images):
    archs = [SPACE.min, SPACE.min, SPACE.max]
    terms = build_terms('global', None, None, 4)
    evaluator = TreeEvaluator(*encoders, terms, archs, images.shape[2:])
    reported = []
    evaluator(images[:4], [4], reported.append)
    assert sum(reported) == 3
