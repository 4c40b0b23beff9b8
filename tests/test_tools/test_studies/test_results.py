"""The documents' tables are those that the studies make of the figures in the repository."""

import json
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RESULTS = sorted((ROOT / 'docs/en/notes/results').glob('*.json'))


@pytest.mark.parametrize('path', RESULTS, ids=lambda path: path.stem)
def test_table_is_in_the_benchmarks(path):
    script = ROOT / f'tools/studies/{path.stem}.py'
    study = SourceFileLoader(path.stem, str(script)).load_module()
    table = study.as_markdown(json.loads(path.read_text()))
    pages = [ROOT / 'docs/en/notes' / name for name in ('benchmarks.md', 'evidence.md')]
    assert any(table in page.read_text() for page in pages)
