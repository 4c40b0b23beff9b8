import pytest
import torch
from mmengine.hooks import Hook

from gaia_ssl.registry import HOOKS
from gaia_ssl.utils import UserError


@HOOKS.register_module()
class RatesHook(Hook):
    """Remembers the learning rate and weight decay of each iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        [group] = runner.optim_wrapper.param_groups
        runner.rates = [*getattr(runner, 'rates', []), (group['lr'], group['weight_decay'])]


def start(train, by_epoch, folder='stopped', **options):
    options = dict(by_epoch=by_epoch, save_by_epoch=False, hooks=[dict(type='RatesHook')]) | options
    return train(folder, **options)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_unchanged_settings_resume_as_if_never_stopped(train, by_epoch):
    alone = start(train, by_epoch, 'alone')
    start(train, by_epoch, stop=8)
    resumed = start(train, by_epoch, resume=f'{train.runner.work_dir}/iter_8.pth')
    assert resumed.rates == alone.rates[8:] and len(alone.rates) == 15
    for first, second in zip(alone.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_new_settings_are_those_of_a_training_by_them(train, by_epoch):
    alone = start(train, by_epoch, 'alone', lr=0.01)
    start(train, by_epoch, stop=8)
    path = f'{train.runner.work_dir}/iter_8.pth'
    resumed = start(train, by_epoch, resume=path, lr=0.01)
    assert resumed.rates == alone.rates[8:]
    kept = torch.load(path, weights_only=False)['optimizer']['state'][0]['step']
    assert kept == 8  # and the optimizer goes on from its state
    assert resumed.optim_wrapper.optimizer.state_dict()['state'][0]['step'] == 15


def test_other_groups_of_parameters(train):
    start(train, True, stop=8)
    path = f'{train.runner.work_dir}/iter_8.pth'
    content = torch.load(path, weights_only=False)
    content['optimizer']['param_groups'] *= 2
    torch.save(content, path)
    with pytest.raises(UserError, match='^optim_wrapper: it groups the parameters in another way'):
        start(train, True, resume=path)
