"""What the benchmark of the search compares, and how it measures."""

import json
import sys
from collections import Counter
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from gaia_ssl.search.tree import build_tree
from gaia_ssl.space import count_cost, get_space
from gaia_ssl.space.latency import path_keys

ROOT = Path(__file__).resolve().parents[3]
benchmark = SourceFileLoader(
    'search_throughput', str(ROOT / 'tools/studies/search_throughput.py')
).load_module()
pytestmark = pytest.mark.slow

SPACE = get_space('tiny10to22')


def test_it_runs_and_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    path = tmp_path / 'search.json'
    options = '--space tiny10to22 --flops 30M 31M --archs 6 all --num-images 5 --bn-group 5'
    options += ' --size 48 --rounds 1 --reference 3 --device cpu --task dense'
    monkeypatch.setattr(sys, 'argv', ['', *options.split(), '--json', str(path)])
    benchmark.main()
    result, printed = json.loads(path.read_text()), capsys.readouterr().out
    assert result['6']['archs'] == 6 < result['all']['archs']
    for num in ('6', 'all'):
        figures = result[num]
        assert figures['speedup'] > 0 and figures['share_of_static'] > 0
        assert figures['max_rel_difference'] < 1e-5
        assert f'{figures["flops_limit"]:.4g}' in printed
    assert result['all']['flops_limit'] > result['6']['flops_limit'] > 1


def test_steps_of_a_tree_are_counted_once_where_they_are_shared():
    archs = [SPACE.max, SPACE.min, SPACE.max]
    tree = build_tree(SPACE.family, map(SPACE.path, archs), (3,), (64, 64))
    steps, flops = benchmark.tree_steps(tree, SPACE.family)
    want = Counter()
    for arch in archs[:2]:
        want += Counter(path_keys(SPACE.family, arch, (64, 64)))
    assert steps == want
    assert flops == sum(count_cost(SPACE, arch, 64).flops for arch in archs[:2])


def test_a_missing_budget_is_one_line(monkeypatch):
    from gaia_ssl.utils import UserError

    monkeypatch.setattr(sys, 'argv', ['', '--flops', '1', '2', '--num-images', '4'])
    with pytest.raises(UserError, match='nearest feasible values'):
        benchmark.main()
