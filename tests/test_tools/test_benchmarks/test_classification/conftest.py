"""An extracted folder, and the tools that judge it."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[4] / 'tools' / 'benchmarks' / 'classification'


@pytest.fixture(scope='session')
def subnet(extracted):
    """An extracted R18."""
    return str(extracted('R18'))


@pytest.fixture
def run_tool(monkeypatch):
    """Run a tool with some arguments; return its ``main``'s mistakes as they are raised."""

    def run(name, *arguments):
        spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        tool.main()

    return run
