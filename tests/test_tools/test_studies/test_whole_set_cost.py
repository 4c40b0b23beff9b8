"""The cost of scores of the whole set is measured beside a mean over images."""

import json
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
study = SourceFileLoader(
    'whole_set_cost', str(ROOT / 'tools/studies/whole_set_cost.py')
).load_module()


@pytest.mark.slow
def test_it_runs_and_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    path = tmp_path / 'cost.json'
    options = '--space tiny10to22 --flops 0 1G --archs 4 --num-images 70 --rounds 1 --scores rank'
    monkeypatch.setattr(sys, 'argv', ['', *options.split(), '--json', str(path)])
    study.main()
    first, second = json.loads(path.read_text())['rows']
    assert (first['score'], first['ratio'], second['score']) == ('cosine', 1, 'rank')
    assert f'| rank | {second["seconds"]:.1f} | {second["ratio"]:.3f} |' in capsys.readouterr().out


def test_a_mean_over_images_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['', '--scores', 'mse'])
    with pytest.raises(SystemExit):
        study.parse_args()
    assert '--scores: mse is no score of the whole set' in capsys.readouterr().err
