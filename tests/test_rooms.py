"""The rooms of the package import each other one way, as docs/en/notes/design.md says."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

import gaia_ssl

PACKAGE = Path(gaia_ssl.__file__).parent
# lowest first; rooms of one row do not import each other
ROWS = (
    ('version', 'utils'),
    ('registry',),
    ('space',),
    ('distances',),
    ('datasets', 'models'),
    ('downstream',),
    ('search', 'export'),
    ('apis', 'evaluation', 'visualization'),
    ('engine',),
    ('benchmark',),
    ('fit',),
)
LEVEL = {room: level for level, rooms in enumerate(ROWS) for room in rooms}


def room_of(module):
    """The room of an absolute module name."""
    parts = module.split('.')
    return parts[1] if parts[0] == 'gaia_ssl' and len(parts) > 1 else None


def imports(path, package):
    """The absolute names of what a file of a package imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = '.'.join([*base, *([node.module] if node.module else [])])
            yield from (f'{prefix}.{alias.name}' for alias in node.names)


def arrows():
    """Pairs of a file and the name of a room that it imports, its own left out."""
    for path in sorted(PACKAGE.rglob('*.py')):
        if '.mim' in path.parts:
            continue
        own = path.relative_to(PACKAGE).parts[0].removesuffix('.py')
        parts = path.relative_to(PACKAGE).parent.parts
        for name in imports(path, ('gaia_ssl', *parts)):
            room = room_of(name)
            if own != '__init__' and room in LEVEL and room != own:
                yield path.relative_to(PACKAGE), own, room


def test_every_room_has_a_level():
    rooms = {
        p.name.removesuffix('.py') for p in PACKAGE.iterdir() if not p.name.startswith(('.', '_'))
    }
    assert rooms == set(LEVEL)


def test_no_arrow_runs_up_or_within_a_row():
    wrong = [
        f'{path}: {own} -> {room}' for path, own, room in arrows() if LEVEL[room] >= LEVEL[own]
    ]
    assert not wrong, '\n'.join(wrong)


def test_space_needs_no_torch():
    for path in (PACKAGE / 'space').rglob('*.py'):
        found = [
            name for name in imports(path, ()) if name.partition('.')[0] in ('torch', 'mmengine')
        ]
        assert not found, path


def test_configs_import_only_what_sizes_them():
    """Extraction renders configs: what they import must not lead back to it."""
    for path in (PACKAGE.parent / 'configs').rglob('*.py'):
        rooms = {room_of(name) for name in imports(path, ())} - {None}
        assert rooms <= {'downstream'}, path


@pytest.mark.parametrize('folder', ['tools', 'tests'])
def test_nothing_changes_the_path_of_imports(folder):
    root = PACKAGE.parent / folder
    change = re.compile(r'sys\.path(\.(insert|append|extend)|\[| *\+?= )')
    hits = [path for path in root.rglob('*.py') if change.search(path.read_text())]
    assert not hits


# bases, tested by the files of what derives from them, and constants
WITHOUT_OWN_TESTS = {
    'engine/hooks/interval_hook.py',
    'utils/paths.py',
    'version.py',
}


def test_every_module_has_its_tests():
    missing = set()
    for path in PACKAGE.rglob('*.py'):
        module = path.relative_to(PACKAGE)
        folder = Path(__file__).parent.joinpath(*(f'test_{part}' for part in module.parent.parts))
        logic = module.name != '__init__.py' and module.parts[0] != '.mim'
        if logic and not (folder / f'test_{module.name}').is_file():
            missing.add(str(module))
    assert missing == WITHOUT_OWN_TESTS


def test_levels_are_in_order():
    assert all(set(low).isdisjoint(high) for low, high in pairwise(ROWS))
