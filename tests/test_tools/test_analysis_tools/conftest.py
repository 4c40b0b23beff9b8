import json
import runpy
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / 'tools' / 'analysis_tools'


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
    """Calls a tool, by its name, as its command line does: its exit code, stdout and stderr."""

    def run(tool, *arguments):
        path = str(TOOLS / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(path, run_name='__main__')
        except SystemExit as stop:
            code = stop.code
        return (code, *capsys.readouterr())

    return run
