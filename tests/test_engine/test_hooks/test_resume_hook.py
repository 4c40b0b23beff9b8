import os
import shutil

import pytest
import torch

from gaia_ssl.utils import UserError

EPOCHS = dict(by_epoch=True, save_by_epoch=True)
IN_AN_EPOCH = dict(by_epoch=True, save_by_epoch=False, interval=4)
ITERATIONS = dict(by_epoch=False, save_by_epoch=False, interval=4)


def equal(one, other):
    """Whether two runners ended with the same weights, buffers and optimizer state."""
    first, second = one.model.state_dict(), other.model.state_dict()
    states = [r.optim_wrapper.state_dict()['state'] for r in (one, other)]
    moments = [[t for s in state.values() for t in s.values()] for state in states]
    pairs = [*zip(first.values(), second.values()), *zip(*moments, strict=True)]
    return first.keys() == second.keys() and all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize('accumulate', [1, 3])
@pytest.mark.parametrize('stop', [7, 14])
@pytest.mark.parametrize('options', [EPOCHS, IN_AN_EPOCH, ITERATIONS])
def test_resumed_is_as_if_never_stopped(train, options, stop, accumulate):
    options = dict(options, accumulate=accumulate)
    alone = train('alone', **options)
    train('stopped', stop=stop, **options)
    resumed = train('stopped', resume=True, **options)
    assert resumed.iter == alone.iter == 15
    assert equal(resumed, alone)


@pytest.mark.parametrize('options', [EPOCHS, ITERATIONS])
def test_without_seeded_data_it_is_not(train, options):
    """What the other tests would miss if they compared nothing."""
    alone = train('alone', resumable=False, **options)
    train('stopped', stop=10, resumable=False, **options)
    assert not equal(train('stopped', resume=True, resumable=False, **options), alone)


@pytest.mark.parametrize('options', [EPOCHS, ITERATIONS])
def test_a_training_without_a_seed_resumes_with_the_one_it_drew(train, options):
    train('stopped', stop=10, seed=None, **options)
    copy = os.path.join(os.path.dirname(train.runner.work_dir), 'copy')
    shutil.copytree(train.runner.work_dir, copy)
    one, other = (train(name, True, seed=None, **options) for name in ('stopped', 'copy'))
    assert equal(one, other)


@pytest.mark.parametrize('options, trained', [(IN_AN_EPOCH, 8), (ITERATIONS, 8)])
def test_what_was_trained_on_is_not_loaded_again(train, options, trained):
    train('stopped', stop=10, **options)
    resumed = train('stopped', resume=True, **options)
    loaded = resumed.train_dataloader.dataset.dataset.loaded
    assert len(loaded) == (15 - trained) * 4


def test_an_epoch_of_other_batches_begins_anew(train):
    train('stopped', stop=8, **IN_AN_EPOCH)
    path = os.path.join(train.runner.work_dir, 'iter_8.pth')
    content = torch.load(path, weights_only=False)
    assert content['meta']['data'] == dict(seed=0, done=3, batches=[5, 4])
    content['meta']['data']['batches'] = [10, 4]  # as of a single process
    torch.save(content, path)
    resumed = train('stopped', resume=True, **IN_AN_EPOCH)
    assert len(resumed.train_dataloader.dataset.dataset.loaded) == 2 * 20


def test_without_a_checkpoint_it_starts(train):
    assert equal(train('new', resume=True, **EPOCHS), train('alone', **EPOCHS))


def test_a_note_that_names_nothing_leads_to_the_newest(train):
    alone = train('alone', **EPOCHS)
    train('stopped', stop=12, **EPOCHS)
    note = os.path.join(train.runner.work_dir, 'last_checkpoint')
    with open(note, 'w') as file:
        file.write(os.path.join(train.runner.work_dir, 'epoch_7.pth'))
    resumed = train('stopped', resume=True, **EPOCHS)
    assert len(resumed.train_dataloader.dataset.dataset.loaded) == 20
    assert equal(resumed, alone)


def test_another_models_checkpoint_is_refused(train):
    train('stopped', stop=6, **EPOCHS)
    path = os.path.join(train.runner.work_dir, 'epoch_1.pth')
    content = torch.load(path, weights_only=False)
    content['state_dict'].pop('layers.0.weight')
    torch.save(content, path)
    with pytest.raises(UserError, match='epoch_1.pth is of another model.*layers.0.weight'):
        train('stopped', resume=True, **EPOCHS)
    torch.save(dict(state_dict={}), path)
    with pytest.raises(UserError, match='epoch_1.pth is not the checkpoint of a training'):
        train('stopped', resume=True, **EPOCHS)
