import csv
import json

import numpy as np
import pytest

from gaia_ssl.search.feasible import Candidate
from gaia_ssl.search.results import make_result, save_result
from gaia_ssl.space.search_json import load_result


@pytest.fixture
def result():
    subnets = [
        Candidate(dict(depth=[i, 1]), dict(flops=flops, params=10))
        for i, flops in enumerate([5, 9, 7, 3])
    ]
    anchors = dict(MAX=Candidate(dict(depth=[9, 9]), dict(flops=100, params=50)))
    return make_result(
        dict(seed=0), subnets, anchors, np.array([[0.5], [0.25], [0.25], [0.75], [0]]), [1.0]
    )


def test_best_first_and_the_cheaper_of_equals(result):
    assert [row['flops'] for row in result['subnets']] == [7, 9, 5, 3]
    assert result['subnets'][0] == dict(arch=dict(depth=[2, 1]), flops=7, params=10, distance=0.25)
    anchor = dict(name='MAX', arch=dict(depth=[9, 9]), flops=100, params=50, distance=0.0)
    assert result['anchors'] == [anchor]


def test_files(result, tmp_path):
    save_result(result, str(tmp_path))
    assert load_result(str(tmp_path / 'search.json')) == result
    with open(tmp_path / 'search.csv') as file:
        rows = list(csv.DictReader(file))
    assert [row['rank'] for row in rows] == ['1', '2', '3', '4', '']
    assert rows[-1]['name'] == 'MAX'
    assert json.loads(rows[0]['arch']) == dict(depth=[2, 1])
    assert float(rows[0]['distance']) == 0.25
    assert len(list(tmp_path.iterdir())) == 2


def test_a_sum_of_terms_keeps_them(tmp_path):
    subnets = [Candidate(dict(depth=[i]), dict(flops=1, params=1, latency=0.5)) for i in (1, 2)]
    anchors = dict(MAX=subnets[0])
    scores = np.array([[1.0, 4.0], [2.0, 1.0], [0.0, 0.5]])
    result = make_result({}, subnets, anchors, scores, [1.0, 0.5])
    assert [row['distance'] for row in result['subnets']] == [2.5, 3.0]
    assert result['subnets'][0]['terms'] == [2.0, 1.0]
    save_result(result, str(tmp_path))
    with open(tmp_path / 'search.csv') as file:
        first = next(csv.DictReader(file))
    assert json.loads(first['terms']) == [2.0, 1.0] and float(first['latency']) == 0.5
