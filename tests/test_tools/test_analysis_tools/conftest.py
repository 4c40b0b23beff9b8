import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'tools' / 'analysis_tools'))


@pytest.fixture
def search(tmp_path):
    """Writes a result of 20 subnets to ``NAME/search.json``, its ranking turned by ``shift``."""

    def write(name, shift=0, **costs):
        rows = [
            dict(
                arch=dict(width=[8, i], depth=[1, 2]),
                flops=10**6 * (20 - i),
                params=1000 * (i % 7 + 1),
                distance=(i + shift) % 20 / 10,
                **{cost: unit * (i + 1) for cost, unit in costs.items()},
            )
            for i in range(20)
        ]
        meta = dict(
            task='dense',
            distance='mse',
            images='photos',
            images_count=3,
            input_size=64,
            seed=shift,
            budget=dict(flops=[None, 1e7], params=[0, None]),
        )
        result = dict(
            meta=meta,
            subnets=sorted(rows, key=lambda row: row['distance']),
            anchors=[dict(name='MAX', **rows[0])],
        )
        path = tmp_path / name / 'search.json'
        path.parent.mkdir()
        path.write_text(json.dumps(result))
        return str(path)

    return write


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls a tool as its command line does: its exit code, stdout and stderr."""
    from gaia_ssl.utils.cli import run_cli

    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [tool.__name__, *map(str, arguments)])
        code = 0
        try:
            run_cli(tool.main)
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run
