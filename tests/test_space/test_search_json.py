import json

import pytest

from gaia_ssl.space.search_json import costs_of, load_result, load_results, short_names
from gaia_ssl.utils import UserError

ROW = dict(arch=dict(depth=[1]), flops=2, params=3, distance=0.5)


def write(path, **fields):
    path.parent.mkdir(exist_ok=True)
    content = dict(meta={}, subnets=[ROW], anchors=[dict(ROW, name='MAX')])
    path.write_text(json.dumps({**content, **fields}))
    return str(path)


@pytest.mark.parametrize(
    'paths, names',
    [
        (['runs/dense/search.json'], ['dense']),
        (['runs/mine.json'], ['mine']),
        (['runs/a/search.json', 'runs/b/search.json'], ['a', 'b']),
        (['runs/a/1/search.json', 'runs/b/2/search.json'], ['a/1', 'b/2']),
        (['runs/a.json', 'runs/a/b.json'], ['a', 'a/b']),
        (['runs/a.json', 'runs/a/a.json'], ['a', 'a/a']),
        (['search.json', 'a/search.json'], ['search', 'a/search']),
        (['a/search.json', 'a/b/search.json', 'c/search.json'], ['a', 'a/b', 'c']),
    ],
)
def test_names_are_what_differs(paths, names):
    assert short_names(paths) == names


def test_results_by_name_with_the_costs_that_all_rows_have(tmp_path):
    a = write(tmp_path / 'a' / 'search.json')
    rows = [dict(ROW, memory=7, latency=0.1), dict(ROW, memory=8)]
    b = write(tmp_path / 'b' / 'search.json', subnets=rows, anchors=[])
    results = load_results([a, b])
    assert list(results) == ['a', 'b']
    assert [costs_of(result) for result in results.values()] == [
        ['flops', 'params'],
        ['flops', 'params', 'memory'],
    ]
    with pytest.raises(UserError, match='given twice'):
        load_results([a, a])


@pytest.mark.parametrize(
    'fields, message',
    [
        (dict(subnets=[]), 'holds no subnet'),
        (dict(meta=[]), 'not the result'),
        (dict(subnets=[5]), 'subnet 1 has no proper row'),
        (dict(subnets=[ROW, dict(ROW, distance='1')]), 'subnet 2 has no proper distance'),
        (dict(subnets=[dict(ROW, distance=float('nan'))]), 'no proper distance'),
        (dict(subnets=[dict(ROW, arch=[1])]), 'no proper arch'),
        (dict(subnets=[dict(ROW, latency=None)]), 'no proper latency'),
        (dict(anchors=[ROW]), 'anchor 1 has no proper name'),
    ],
)
def test_a_broken_file_is_named(tmp_path, fields, message):
    with pytest.raises(UserError, match=f'search.json.*{message}'):
        load_results([write(tmp_path / 'search.json', **fields)])


def test_the_file_of_a_folder(tmp_path):
    path = write(tmp_path / 'search.json')
    assert load_result(str(tmp_path)) == load_result(path)


@pytest.mark.parametrize(
    'text, message',
    [
        ('{"meta": {}, "subn', 'not valid JSON'),
        ('[]', 'is not the result of a search'),
        ('{"meta": {}}', 'is not the result of a search'),
        ('{"meta": {}, "subnets": 3}', 'is not the result of a search'),
    ],
)
def test_a_file_that_is_not_a_result(tmp_path, text, message):
    (tmp_path / 'search.json').write_text(text)
    with pytest.raises(UserError, match=f'search.json.*{message}'):
        load_result(str(tmp_path))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match='search.json does not exist; search first'):
        load_result(str(tmp_path / 'search.json'))
