"""Archs from text and from searches."""

import json

import pytest

from gaia_ssl.export import (
    Choice,
    choose_arch,
    choose_from_search,
    choose_pareto,
    choose_top,
)
from gaia_ssl.export.choices import check_choice
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


def test_choose_arch(tmp_path):
    arch = TINY.anchors['R18']
    (tmp_path / 'arch.json').write_text(json.dumps(arch))
    assert choose_arch('R18') == Choice('R18')
    assert choose_arch(f' {json.dumps(arch)}') == Choice(arch)
    assert choose_arch(str(tmp_path / 'arch.json')) == Choice(arch)
    assert check_choice(TINY, Choice('R18')) == arch
    with pytest.raises(UserError, match='arch: not valid JSON'):
        choose_arch('{"stem_width": ')
    with pytest.raises(UserError, match='arch: .*missing.json does not exist'):
        choose_arch(str(tmp_path / 'missing.json'))


@pytest.fixture
def search(tmp_path):
    result = dict(
        meta=dict(task='dense', input_size=96, checkpoint_sha256='abc'),
        subnets=[
            dict(arch=TINY.min, flops=1, params=2, distance=0.25),
            dict(arch=TINY.max, flops=3, params=4, distance=0.5),
        ],
        anchors=[],
    )
    (tmp_path / 'search.json').write_text(json.dumps(result))
    return tmp_path


def test_choose_from_search(search):
    best = choose_from_search(str(search / 'search.json'))
    assert best.arch == TINY.min and best.input_size == 96
    assert best.origin['rank'] == 1 and best.origin['of'] == 2 and best.origin['value'] == 0.25
    assert best.origin['task'] == 'dense' and best.origin['checkpoint_sha256'] == 'abc'
    assert choose_from_search(str(search), rank=2).arch == TINY.max


def test_choose_top(search):
    assert choose_top(str(search), 1) == dict(rank1=choose_from_search(str(search), 1))
    both = choose_top(str(search), 2)
    assert list(both) == ['rank1', 'rank2']
    assert both['rank2'] == choose_from_search(str(search), 2)
    for num in (0, 3):
        with pytest.raises(UserError, match=f'num: {num} is not in 1..2, the subnets of'):
            choose_top(str(search), num)


def test_choose_pareto(tmp_path):
    # by distance, flops and params: each row is beaten by an earlier one unless marked
    costs = [(5, 9), (5, 9), (3, 9), (4, 2), (3, 9), (1, 9)]
    front = dict(flops=[1, 3, 6], params=[1, 4], both=[1, 3, 4, 6])
    subnets = [
        dict(arch=TINY.min, flops=flops, params=params, distance=distance)
        for distance, (flops, params) in enumerate(costs)
    ]
    result = dict(meta=dict(budget=dict(flops=[1, 6])), subnets=subnets, anchors=[])
    (tmp_path / 'search.json').write_text(json.dumps(result))
    for names in (['flops'], ['params'], ['flops', 'params']):
        wanted = front[names[0] if len(names) == 1 else 'both']
        chosen = choose_pareto(str(tmp_path), names)
        assert list(chosen) == [f'rank{rank}' for rank in wanted]
        assert [choice.origin['rank'] for choice in chosen.values()] == wanted
    assert chosen['rank1'].origin['budget'] == dict(flops=[1, 6])
    with pytest.raises(UserError, match="costs: .* has no 'latency'; it has flops, params"):
        choose_pareto(str(tmp_path), ['flops', 'latency'])


@pytest.mark.parametrize('rank', [0, 3, -1])
def test_rank_outside_of_the_search(search, rank):
    with pytest.raises(UserError, match=rf'rank: {rank} is not in 1..2'):
        choose_from_search(str(search), rank)


def test_a_broken_search_is_named(tmp_path):
    (tmp_path / 'search.json').write_text('{"meta": {}, "subnets": [{}], "anchors": []}')
    with pytest.raises(UserError, match='search.json: subnet 1 has no proper arch'):
        choose_from_search(str(tmp_path))


def test_arch_of_a_search_in_another_space(search):
    with pytest.raises(UserError, match='search.json: arch.stem_width: 8 is out of bounds'):
        check_choice(get_space('ar50to101'), choose_from_search(str(search)))
