"""A folder that appears whole or not at all."""

import os

import pytest

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.export.output_folder import new_folder
from gaia_ssl.utils import UserError


def write(out, text='new', **options):
    with new_folder(str(out), **options) as draft:
        assert not (out / 'note').exists() or (out / 'note').read_text() != text
        for name in (WEIGHTS_FILE, 'note'):
            with open(os.path.join(draft, name), 'w') as file:
                file.write(text)


def test_appears_under_missing_parents_and_in_place_of_an_empty_folder(tmp_path):
    write(tmp_path / 'a' / 'b' / 'out')
    (tmp_path / 'empty').mkdir()
    write(tmp_path / 'empty')
    assert (tmp_path / 'a' / 'b' / 'out' / 'note').read_text() == 'new'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a', 'empty']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_leaves_nothing_when_it_fails(tmp_path, error):
    out = tmp_path / 'a' / 'b' / 'out'
    with pytest.raises(error):
        with new_folder(str(out)) as draft:
            open(os.path.join(draft, 'half'), 'w').close()
            raise error
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_kept_unless_told(tmp_path):
    out = tmp_path / 'out'
    write(out, 'old')
    with pytest.raises(UserError, match='exists and is not empty; .* set overwrite'):
        write(out)
    with pytest.raises(ValueError):
        with new_folder(str(out), overwrite=True):
            raise ValueError
    assert (out / 'note').read_text() == 'old'
    write(out, overwrite=True)
    assert (out / 'note').read_text() == 'new'
    assert [p.name for p in tmp_path.iterdir()] == ['out']


def test_what_was_not_extracted_is_never_replaced(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(UserError, match='was not written by extraction'):
        write(tmp_path, overwrite=True)
    with pytest.raises(UserError, match='is a file; choose a folder'):
        write(tmp_path / 'thesis.tex', overwrite=True)
    with pytest.raises(UserError, match='cannot be written'):
        write(tmp_path / 'thesis.tex' / 'out')
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.tex']


def test_drafts_of_killed_processes_are_removed(tmp_path, dead):
    out = tmp_path / 'out'
    for name in (f'out.tmp{dead}', f'out.tmp{dead}.old', f'out.tmp{os.getppid()}', 'out.tmpl'):
        (tmp_path / name).mkdir()
        (tmp_path / name / WEIGHTS_FILE).touch()
    with pytest.raises(ValueError), new_folder(str(out)):
        raise ValueError
    # it had been moved away for the draft, which never took its place
    assert (tmp_path / f'out.tmp{dead}.old').exists()
    write(out)
    assert {p.name for p in tmp_path.iterdir()} == {'out', f'out.tmp{os.getppid()}', 'out.tmpl'}


@pytest.mark.parametrize('name', ['a\\b', 'a\rb', '{{a}}', 'a"', os.fsdecode(b'caf\xe9')])
def test_a_folder_that_no_config_could_name_is_refused(tmp_path, name):
    with pytest.raises(UserError, match='^out: .* so that no config could name the folder; choose'):
        write(tmp_path / name)
    assert not list(tmp_path.iterdir())
