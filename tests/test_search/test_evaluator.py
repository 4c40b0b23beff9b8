"""The tree's distances are those of scoring extracted subnets one at a time."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_ssl.search.distances import TASKS, build_distance, distances_of
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.groups import micro_batches, split_groups
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')
CASES = [
    (task, name, stages)
    for task in TASKS
    for name in distances_of(task)
    for stages in ([None] if task == 'global' else [(3,), (1, 3)])
]
ARCHS = st.lists(st.integers(0, len(SPACE) - 1).map(SPACE.__getitem__), min_size=1, max_size=3)


def one_by_one(encoders, images, archs, distance, stages, bn_group):
    """Distances of static networks in training mode, whose batches are the groups."""

    def static(encoder, arch):
        backbone = encoder[0].extract(arch).train()
        backbone.out_indices = stages or (3,)
        neck = copy.deepcopy(encoder[1]).train()
        return lambda batch: backbone(batch) if stages else neck(backbone(batch))

    student, teacher = encoders
    target = static(teacher, SPACE.max)
    subnets = [static(student, arch) for arch in archs]
    scores = np.zeros(len(archs))
    with torch.no_grad():
        for group in split_groups(len(images), bn_group):
            batch = images[group.start : group.stop]
            for index, subnet in enumerate(subnets):
                pairs = list(zip(subnet(batch), target(batch)))
                for ours, theirs in pairs:
                    values = distance(ours, distance.target(theirs))
                    scores[index] += values.double().sum().item() / len(pairs)
    return scores / len(images)


def as_tree(encoders, images, archs, distance, stages, bn_group, micro_batch):
    evaluator = TreeEvaluator(*encoders, distance, stages, archs)
    groups = split_groups(len(images), bn_group)
    rows = []
    for batch in micro_batches(len(groups), micro_batch):
        part = images[groups[batch[0]].start : groups[batch[-1]].stop]
        rows.extend(evaluator(part, [len(groups[g]) for g in batch]))
    assert np.shape(rows) == (len(groups), len(archs))
    return sum(rows) / len(images)


@pytest.mark.parametrize('task, name, stages', CASES)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(archs=ARCHS, bn_group=st.integers(4, 14), micro_batch=st.integers(1, 4))
def test_tree_equals_one_by_one(encoders, images, task, name, stages, archs, bn_group, micro_batch):
    archs = [SPACE.max, *archs, archs[0]]  # a candidate may come twice
    common = (encoders, images, archs, build_distance(task, name), stages, bn_group)
    tree = as_tree(*common, micro_batch)
    np.testing.assert_allclose(tree, one_by_one(*common), rtol=1e-5)
    assert tree[1] == tree[-1]


@pytest.mark.parametrize('task', TASKS)
def test_max_is_at_no_distance_from_itself(encoders, images, task):
    student, _ = encoders
    stages = None if task == 'global' else (3,)
    distance = build_distance(task)
    tree = as_tree((student, student), images, [SPACE.max, SPACE.min], distance, stages, 6, 1)
    assert tree[0] == 0 < tree[1]


def test_networks_are_as_before(encoders, images):
    before = copy.deepcopy([net.state_dict() for pair in encoders for net in pair])
    modes = [m.training for pair in encoders for net in pair for m in net.modules()]
    as_tree(encoders, images, [SPACE.min], build_distance('global'), None, 6, 2)
    after = [net.state_dict() for pair in encoders for net in pair]
    for old, new in zip(before, after, strict=True):
        assert old.keys() == new.keys()
        assert all(torch.equal(old[key], new[key]) for key in old)
    assert modes == [m.training for pair in encoders for net in pair for m in net.modules()]


def test_report_counts_candidates(encoders, images):
    archs = [SPACE.min, SPACE.min, SPACE.max]
    evaluator = TreeEvaluator(*encoders, build_distance('global'), None, archs)
    reported = []
    evaluator(images[:4], [4], reported.append)
    assert sum(reported) == 3
