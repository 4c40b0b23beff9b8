"""The first line of a docstring names the thing by its term."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for room in ('gaia_ssl', 'tools') for path in sorted((ROOT / room).rglob('*.py'))]
FILES = [path for path in FILES if '.mim' not in path.parts]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_first_lines_are_no_riddles(path):
    riddles = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            line = text.splitlines()[0]
            if re.match(r'(What|Which|How|Whether|Where)\b', line):
                riddles.append(line)
    assert not riddles
