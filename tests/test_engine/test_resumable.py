import pytest
from mmengine.config import Config

from gaia_ssl.engine.resumable import HOOKS, make_resumable


def config(sampler='DefaultSampler', by_epoch=True, **options):
    loader = dict(sampler=dict(type=sampler), dataset=dict(type='A', data_root='a'), **options)
    length = dict(max_epochs=1) if by_epoch else dict(max_iters=1)
    return Config(dict(train_dataloader=loader, train_cfg=length))


@pytest.mark.parametrize(
    'by_epoch, kind', [(True, 'SeededSampler'), (False, 'SeededInfiniteSampler')]
)
def test_the_loop_decides_the_sampler(by_epoch, kind):
    resumable = make_resumable(config(by_epoch=by_epoch))
    assert resumable.train_dataloader.sampler.type == f'gaia_ssl.{kind}'
    assert resumable.train_dataloader.dataset.type == 'gaia_ssl.SeededDataset'
    assert resumable.train_dataloader.dataset.dataset == dict(type='A', data_root='a')


def test_options_of_the_sampler_stay_where_they_mean_something():
    given = config()
    given.train_dataloader.sampler.update(shuffle=False, round_up=False)
    assert make_resumable(given).train_dataloader.sampler == dict(
        type='gaia_ssl.SeededSampler', shuffle=False, round_up=False
    )
    given = config(by_epoch=False)
    given.train_dataloader.sampler.update(shuffle=False, round_up=False)
    assert make_resumable(given).train_dataloader.sampler == dict(
        type='gaia_ssl.SeededInfiniteSampler', shuffle=False
    )


def test_a_config_written_out_stays_the_same(tmp_path):
    given = config()
    given.custom_hooks = [dict(type='gaia_ssl.SeedHook'), dict(type='EMAHook')]
    once = make_resumable(given)
    assert [hook.type for hook in once.custom_hooks].count('gaia_ssl.SeedHook') == 1
    assert {hook.type for hook in once.custom_hooks} == {*HOOKS, 'EMAHook'}
    once.dump(str(tmp_path / 'out.py'))
    twice = make_resumable(Config.fromfile(tmp_path / 'out.py'))
    assert twice.to_dict() == once.to_dict()


@pytest.mark.parametrize(
    'given',
    [
        config('ClassBalancedSampler'),
        config(batch_sampler=dict(type='AspectRatioBatchSampler')),
    ],
    ids=['sampler', 'batch_sampler'],
)
def test_other_samplers_and_their_data_are_left_alone(given):
    before = given.to_dict()['train_dataloader']
    assert make_resumable(given).to_dict()['train_dataloader'] == before
