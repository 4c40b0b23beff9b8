import os

import pytest
import torch

from gaia_ssl.engine.checkpoint import AtomicBackend
from gaia_ssl.engine.hooks import checkpoint_hook
from gaia_ssl.utils.files import atomic_write

OPTIONS = dict(by_epoch=False, save_by_epoch=False, interval=4, keep=2)


def files(runner):
    names = os.listdir(runner.work_dir)
    return {name for name in names if name.startswith(('iter_', 'last_checkpoint'))}


def last(runner):
    with open(os.path.join(runner.work_dir, 'last_checkpoint')) as file:
        return os.path.basename(file.read())


def test_as_many_are_kept_as_asked_for(train):
    runner = train('w', **OPTIONS)
    assert files(runner) == {'iter_12.pth', 'iter_15.pth', 'last_checkpoint'}
    assert last(runner) == 'iter_15.pth'


def test_the_old_goes_when_the_new_is_complete(train, monkeypatch):
    seen = []
    put = AtomicBackend.put

    def spy(self, content, path):
        seen.append((files(train.runner), last(train.runner) if seen else None))
        put(self, content, path)

    monkeypatch.setattr(AtomicBackend, 'put', spy)
    train('w', **OPTIONS)
    assert seen[2] == ({'iter_4.pth', 'iter_8.pth', 'last_checkpoint'}, 'iter_8.pth')
    assert seen[3] == ({'iter_8.pth', 'iter_12.pth', 'last_checkpoint'}, 'iter_12.pth')


def test_what_a_kill_leaves_behind_goes_when_resuming(train, monkeypatch):
    # as if killed after the new checkpoint was renamed, before the note and the removal
    monkeypatch.setattr(checkpoint_hook, 'atomic_write', _kill_at('iter_12.pth'))
    with pytest.raises(Killed):
        train('w', **OPTIONS)
    assert files(train.runner) == {*('iter_4.pth', 'iter_8.pth', 'iter_12.pth', 'last_checkpoint')}
    assert last(train.runner) == 'iter_8.pth'
    with open(os.path.join(train.runner.work_dir, 'iter_11.pth.tmp123'), 'w') as draft:
        draft.write('half')
    monkeypatch.undo()
    runner = train('w', resume=True, **OPTIONS)
    assert files(runner) == {'iter_12.pth', 'iter_15.pth', 'last_checkpoint'}


def test_what_was_to_be_removed_is_removed_by_the_run_that_resumes(train, monkeypatch):
    monkeypatch.setattr(AtomicBackend, 'remove', _raise_killed)
    with pytest.raises(Killed):
        train('w', **OPTIONS)
    assert files(train.runner) >= {'iter_4.pth', 'iter_8.pth', 'iter_12.pth'}
    monkeypatch.undo()
    train('w', resume=True, stop=13, **OPTIONS)
    assert files(train.runner) == {'iter_8.pth', 'iter_12.pth', 'last_checkpoint'}


def test_gradients_that_wait_for_a_step_are_saved_when_there_are_any(train):
    runner = train('w', accumulate=8, **dict(OPTIONS, keep=-1))
    contents = {i: torch.load(_path(runner, i), weights_only=False) for i in (4, 8, 12, 15)}
    assert {i for i, content in contents.items() if 'gradients' in content} == {4, 12}
    names = {name for name, _ in runner.model.named_parameters()}
    assert contents[4]['gradients'].keys() == names
    assert all(gradient.any() for gradient in contents[4]['gradients'].values())


class Killed(BaseException):
    """Stands for a kill: nothing handles it."""


def _raise_killed(*args):
    raise Killed


def _kill_at(name):
    def write(path, mode='w'):
        context = atomic_write(path, mode)
        file = context.__enter__()

        class Writer:
            def __enter__(self):
                return self

            def write(self, text):
                if text.endswith(name):
                    context.__exit__(Killed, Killed(), None)
                    raise Killed
                file.write(text)

            def __exit__(self, *error):
                return context.__exit__(*error) if error[0] is None else None

        return Writer()

    return write


def _path(runner, step):
    return os.path.join(runner.work_dir, f'iter_{step}.pth')
