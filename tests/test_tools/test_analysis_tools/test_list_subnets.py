import csv
import io
import json

import pytest


def as_json(call, *arguments):
    code, out, err = call('list_subnets', *arguments, '--format', 'json')
    assert code == 0, err
    return json.loads(out)


def test_the_best(search, call):
    path = search('a')
    subnets = json.loads(open(path).read())['subnets']
    ranked = [dict(rank=rank, **row) for rank, row in enumerate(subnets, 1)]
    assert as_json(call, path) == ranked[:10]
    assert as_json(call, path, '--top', 3) == ranked[:3]
    within = [row for row in ranked if 5e6 <= row['flops'] < 8e6]
    assert as_json(call, path, '--flops', '5M', '8M') == within and len(within) == 3
    anchored = as_json(call, path, '--top', 1, '--anchors')
    assert [row.get('name') for row in anchored] == [None, 'MAX']


def test_pareto(search, call):
    path = search('a', latency=0.01)
    # the better the costlier in FLOPs, the better the cheaper in latency
    assert [row['rank'] for row in as_json(call, path, '--pareto')] == list(range(1, 21))
    assert [row['rank'] for row in as_json(call, path, '--pareto', 'latency')] == [1]
    assert [row['rank'] for row in as_json(call, path, '--pareto', '--top', 2)] == [1, 2]
    both = as_json(call, path, '--pareto', 'latency', 'params', '--params', '2K', '9K')
    # one with 2000 parameters is the first of those left
    assert [row['rank'] for row in both] == [2]


@pytest.mark.parametrize('form', ['table', 'markdown'])
def test_to_be_read(search, call, form):
    code, out, _ = call('list_subnets', search('a', memory=10**5), '--format', form, '--anchors')
    lines = out.splitlines()
    assert code == 0 and len(lines) == 1 + 10 + 1 + (form == 'markdown')
    heading = [word for word in lines[0].replace('|', ' ').split()]
    assert heading == ['rank', 'distance', 'MFLOPs', 'k', 'parameters', 'MB', 'arch']
    assert '20.00' in lines[-1] and 'MAX' in lines[-1] and '"width": [8, 0]' in lines[-1]


def test_csv(search, call):
    _, out, _ = call('list_subnets', search('a'), '--format', 'csv', '--top', '2', '--anchors')
    first, second, anchor = csv.DictReader(io.StringIO(out))
    assert (first['rank'], second['rank'], anchor['rank']) == ('1', '2', '')
    assert anchor['name'] == 'MAX' and int(anchor['flops']) == 20 * 10**6
    assert json.loads(second['arch']) == dict(width=[8, 1], depth=[1, 2])


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--pareto', 'latency'], 'has no latency; it has flops, params'),
        (['--memory', '1M', '2M'], 'has no memory'),
        (['--flops', '1G', '2G'], 'no subnet within this budget'),
        (['--flops', 'x', '2G'], "budget: 'x' is not a quantity"),
        (['--top', '0'], '--top: 0 subnets'),
    ],
)
def test_mistakes(search, call, arguments, message):
    code, out, err = call('list_subnets', search('a'), *arguments)
    assert code == 2 and out == ''
    assert message in err and err.count('\n') == 1


def test_no_search(call, tmp_path):
    code, _, err = call('list_subnets', tmp_path / 'search.json')
    assert code == 2 and 'search.json does not exist' in err
