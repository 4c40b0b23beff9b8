import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import find_latest_checkpoint

from gaia_ssl.engine import CollapseHook
from gaia_ssl.utils import UserError

COLLAPSE = dict(type='CollapseHook', interval=2, patience=2, begin=0)
HEALTH = dict(type='SubnetHealthHook', interval=1)


class Break(Hook):
    """Does something to the model before an iteration."""

    def __init__(self, iteration, action):
        self.iteration = iteration
        self.action = action

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            self.action(runner.model)


@torch.no_grad()
def lose(model):
    """Blocks that MAX alone has."""
    model.backbone.layer2[1].conv1.weight.fill_(float('nan'))


@torch.no_grad()
def collapse(model):
    """One embedding for all images, for good."""
    last = [m for m in model.neck.modules() if isinstance(m, torch.nn.Linear)][-1]
    last.weight.zero_()
    last.bias.fill_(1.0)
    model.neck.requires_grad_(False)


def test_names_the_subnet_whose_loss_is_lost_first(training):
    # without a momentum encoder, which would take the loss to all
    runner = training.runner(training.dir, [COLLAPSE], method='SimSiam')
    runner.register_hook(Break(2, lose))
    with pytest.raises(UserError) as stopped:
        runner.train()
    message = str(stopped.value)
    # lost in the third iteration, found at the end of its epoch
    assert f'loss of max {runner.model.backbone.space.max} is not finite at iteration 3' in message
    assert 'min' not in message.partition(' is not finite')[0]
    assert 'stopped after 3 iterations' in message and '\n' not in message


def test_saves_the_state_where_resuming_does_not_look(training):
    runner = training.runner(training.dir, [COLLAPSE])
    runner.register_hook(Break(4, lose))
    with pytest.raises(UserError, match='stopped-iter6.pth'):
        runner.train()
    state = torch.load(training.dir / 'stopped-iter6.pth', weights_only=False)
    assert state['meta']['iter'] == 6 and 'optimizer' in state
    # that of the first epoch, before anything was lost; the second epoch's was not saved
    assert find_latest_checkpoint(str(training.dir)).endswith('epoch_1.pth')
    assert not (training.dir / 'epoch_2.pth').exists()
    assert not list(training.dir.glob('*_[0-9]*.pth'))[1:]


def test_losses_are_not_read_between_checks(training, monkeypatch):
    runner = training.runner(training.dir, [])
    hook = CollapseHook(interval=4)
    looked = []
    monkeypatch.setattr(hook, '_check', lambda runner, epoch: looked.append(runner.iter))
    runner.register_hook(hook)
    runner.train()
    # each fourth iteration, the ends of the epochs, the last iteration
    assert looked == [3, 3, 5, 6]


def test_names_the_subnet_whose_embeddings_have_collapsed(training):
    runner = training.runner(training.dir, [HEALTH, COLLAPSE])
    runner.register_hook(Break(0, collapse))
    with pytest.raises(UserError) as stopped:
        runner.train()
    assert f'embeddings of max, {runner.model.backbone.space.max}, have' in str(stopped.value)
    assert (training.dir / 'stopped-iter2.pth').is_file()


@pytest.mark.parametrize('options', [dict(begin=5), dict(patience=100), dict(min_std=0.0)])
def test_waits_before_it_calls_embeddings_collapsed(training, options):
    runner = training.runner(training.dir, [HEALTH, {**COLLAPSE, **options}])
    runner.register_hook(Break(0, collapse))
    runner.train()
    assert runner.message_hub.get_scalar('health/embed_std_max').current() < 1e-3


def test_leaves_a_healthy_training_alone(training):
    runner = training.runner(training.dir, [HEALTH, COLLAPSE])
    runner.train()
    assert runner.iter == 6
    assert not list(training.dir.glob('stopped*'))


@pytest.mark.parametrize('field', ['interval', 'patience'])
def test_refuses_numbers_that_are_too_small(field):
    with pytest.raises(UserError, match=f'CollapseHook.{field}: '):
        CollapseHook(**{field: 0})
