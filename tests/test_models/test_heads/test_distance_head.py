"""Losses against NumPy: see ``test_selfsup/test_frozen_teacher.py``."""

import pytest
import torch

from gaia_ssl.models.heads import DistanceHead
from gaia_ssl.utils import UserError


def features(seed, maps):
    generator = torch.Generator().manual_seed(seed)
    shapes = {stage: (5, 3 + stage, 4, 4) for stage in maps}
    embedding = torch.randn(5, 6, generator=generator)
    return embedding, {s: torch.randn(x, generator=generator) for s, x in shapes.items()}


def test_sum_of_weighted_means():
    head = DistanceHead(
        dict(global_cosine=dict(weight=2), dense_mse=dict(weight=0.5, stages=[0, 2]))
    )
    assert head.stages == [0, 2] and head.reads_embedding and not head.takes_queue
    student, teacher = features(0, [0, 2]), features(1, [0, 2])
    losses = head.loss(*student, head.targets(*teacher))
    assert losses.keys() == {'loss_global_cosine', 'loss_dense_mse'}
    own = head.loss(*teacher, head.targets(*teacher))
    assert all(loss == 0 for loss in own.values())
    cosine = torch.nn.functional.cosine_similarity(student[0], teacher[0])
    torch.testing.assert_close(losses['loss_global_cosine'].float(), 2 * (1 - cosine).mean())
    parts = []
    for stage in (0, 2):
        s, t = (torch.nn.functional.normalize(x[1][stage].flatten(2), dim=1)
                for x in (student, teacher))  # fmt: skip
        parts.append((s.mT @ s - t.mT @ t).square().mean())
    torch.testing.assert_close(losses['loss_dense_mse'], 0.5 * sum(parts) / 2)


def test_last_stage_is_the_default():
    head = DistanceHead(dict(dense_kl={}, global_relation={}))
    assert head.stages == [-1] and head.takes_queue
    assert DistanceHead(dict(dense_kl={})).reads_embedding is False


@pytest.mark.parametrize('losses', [{}, None, 'global_cosine'])
def test_needs_a_loss(losses):
    with pytest.raises(UserError, match='model.head.losses: it names no distance'):
        DistanceHead(losses)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(weight='much'), "global_cosine.weight: 'much' is not a positive number"),
        (dict(stages=[1]), 'global_cosine.stages: only dense distances'),
        (dict(temperature=1), "has no option 'temperature'"),
    ],
)
def test_options_of_a_loss_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        DistanceHead(dict(global_cosine=options))
