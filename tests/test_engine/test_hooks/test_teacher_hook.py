"""Resume with a teacher and its digest: see also ``tests/test_tools/test_train_distill.py``."""

import numpy as np
import pytest
import torch

from gaia_ssl.engine.hooks import TeacherHook
from gaia_ssl.utils import UserError

NECK = dict(type='mmpretrain.LinearNeck', in_channels=12, out_channels=3, gap_dim=2)
HOOK = dict(type='TeacherHook')


def build(training, name='run', num_images=4096, **options):
    hook = dict(HOOK, num_images=num_images)
    model = dict(components=3, neck=NECK)
    folder = training.dir / name
    return training.runner(folder, [hook], method='Distill', model_options=model, **options)


def test_components_are_those_of_the_first_views(training):
    runner = build(training)
    runner.train()
    found = runner.model.embedding_map
    teacher = runner.model.teacher.teacher
    views = torch.stack([runner.train_dataloader.dataset[i]['inputs'][0] for i in range(24)])
    embeddings = teacher((views - 127.5) / 64).embedding.double().numpy()
    np.testing.assert_allclose(found.center.numpy(), embeddings.mean(0), rtol=1e-5, atol=1e-7)
    _, _, axes = np.linalg.svd(embeddings - embeddings.mean(0))
    overlap = np.abs(found.components.double().numpy() @ axes[:3].T)
    np.testing.assert_allclose(overlap, np.eye(3), atol=1e-3)


def test_the_draw_is_a_function_of_the_seed(training):
    found = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        torch.manual_seed(len(found))
        runner = build(training, name, num_images=6)
        runner._seed = seed
        hook = next(hook for hook in runner.hooks if isinstance(hook, TeacherHook))
        hook.before_train(runner)
        found.append(runner.model.embedding_map.components)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_components_that_are_there_stay(training):
    runner = build(training)
    runner.model.embedding_map.fit(torch.randn(9, 8))
    before = runner.model.embedding_map.components.clone()
    runner.train()
    assert torch.equal(runner.model.embedding_map.components, before)


def test_the_neck_starts_when_the_components_are_there(training, monkeypatch):
    runner, seen = build(training), []
    model = runner.model
    monkeypatch.setattr(model, 'start_neck', lambda: seen.append(model.embedding_map.fitted))
    hook = next(hook for hook in runner.hooks if isinstance(hook, TeacherHook))
    hook.before_train(runner)
    hook.before_train(runner)  # as in a resumed training, whose neck has learned
    assert seen == [True]


def test_checkpoints_hold_the_digest(training):
    runner = build(training)
    runner.train()
    content = torch.load(training.dir / 'run' / 'epoch_2.pth', weights_only=False)
    assert content['meta']['teacher'] == runner.model.frozen_teacher.digest


def test_weights_of_a_training_with_another_teacher_come_without_its_components(training):
    build(training, 'first').train()
    path = training.dir / 'first' / 'epoch_2.pth'
    content = torch.load(path, weights_only=False)
    for recorded, kept in ((content['meta']['teacher'], True), ('0' * 64, False)):
        # not this teacher's
        content['state_dict']['embedding_map.components'].fill_(0.5)
        content['meta']['teacher'] = recorded
        torch.save(content, path)
        second = build(training, f'second{kept}', load_from=str(path), epochs=0)
        second.train()
        assert (second.model.embedding_map.components == 0.5).all() == kept
        assert second.model.embedding_map.fitted


def test_too_few_images_and_other_models(training):
    with pytest.raises(UserError, match='TeacherHook.num_images: 0 is too few'):
        TeacherHook(0)
    with pytest.raises(UserError, match='3 components need more than 2 images'):
        build(training, num_images=2).train()
    with pytest.raises(UserError, match='TeacherHook: the model has no frozen teacher'):
        training.runner(training.dir / 'moco', [HOOK]).train()
