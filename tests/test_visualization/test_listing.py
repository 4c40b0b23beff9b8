import csv
import io
import json

import pytest

from gaia_ssl.utils import UserError
from gaia_ssl.visualization.listing import choose_rows, to_csv, to_json, to_markdown, to_table


def ranks(rows):
    return [row.get('rank', row.get('name')) for row in rows]


def test_the_best_within_budgets_or_on_a_front(make_result):
    # the better, the more FLOPs and the less latency
    result = make_result()
    for row in (*result['subnets'], *result['anchors']):
        row['latency'] = 1 / row['flops']
    assert ranks(choose_rows(result)) == [1, 2, 3, 4, 5, 6, 7]
    assert ranks(choose_rows(result, top=2, anchors=True)) == [1, 2, 'MAX', 'MIN']
    assert ranks(choose_rows(result, dict(flops=('3M', '5M')))) == [5, 6]
    assert ranks(choose_rows(result, front=['latency'])) == [1]
    assert ranks(choose_rows(result, dict(params=(0, 5000)), ['latency', 'flops'])) == [5, 6, 7]


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(front=['latency']), 'the search has no latency; it has flops, params'),
        (dict(budgets=dict(memory=(1, 2))), 'the search has no memory'),
        (dict(budgets=dict(flops=('1G', '2G'))), 'no subnet within this budget'),
        (dict(top=0), 'top: 0 subnets; give 1 or more'),
    ],
)
def test_mistakes(make_result, options, message):
    with pytest.raises(UserError, match=message):
        choose_rows(make_result(), **options)


def test_formats(make_result):
    rows, costs = choose_rows(make_result(), top=2, anchors=True), ['flops', 'params']
    assert json.loads(to_json(rows, costs)) == rows
    first, _, anchor, _ = csv.DictReader(io.StringIO(to_csv(rows, costs)))
    assert (first['rank'], first['name'], anchor['rank'], anchor['name']) == ('1', '', '', 'MAX')
    assert int(first['flops']) == rows[0]['flops'] and float(first['distance']) == 1 / 8
    head, line, *_ = to_table(rows, costs).splitlines()
    assert head.split() == ['rank', 'distance', 'MFLOPs', 'k', 'parameters', 'arch']
    assert line.split()[:4] == ['1', '0.125', '8.00', '8.00']
    assert line.index('{') == head.index('arch')
    assert to_markdown(rows, costs).splitlines()[1:3] == [
        '| ---: | ---: | ---: | ---: | --- |',
        '| 1 | 0.125 | 8.00 | 8.00 | `{"width": [8, 8], "depth": [1, 2]}` |',
    ]
