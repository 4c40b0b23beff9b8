import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmengine.config import Config

from gaia_ssl.utils import UserError
from gaia_ssl.utils.templates import check_fits, quoted

AWKWARD = st.text(st.sampled_from('ab\'"\\ {}%$\n\r\t#é\udce9😀'), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(AWKWARD | st.text(st.characters(exclude_characters='/\0'), min_size=1, max_size=12))
@example("it's")
@example('a"b')
@example('{{ fileBasename }}')
@example('{{$HOME:x}}')
@example('a\\nb')
def test_a_config_in_any_folder_names_it_or_it_is_refused(tmp_path_factory, name):
    if name in ('.', '..') or len(name.encode(errors='replace')) > 200:
        return
    folder = tmp_path_factory.mktemp('any') / name
    try:
        check_fits(str(folder), 'out')
    except UserError as error:
        assert str(error).startswith(f'out: {folder} has ')
        # only where MMEngine's substitution cannot give it
        text = name.encode(errors='ignore').decode()
        assert any(part in name for part in ('\\', '\r', '{{', '"')) or text != name
        return
    folder.mkdir()
    (folder / 'config.py').write_text(f'path = {quoted("{{ fileDirname }}/w.pth")}\n')
    assert Config.fromfile(folder / 'config.py').path == str(folder / 'w.pth')


@pytest.mark.parametrize('name', ["it's", 'a "b" c', "'", 'a\nb', '{a} 100 %'])
def test_an_environment_variable_can_give_the_path(tmp_path, monkeypatch, name):
    check_fits(name, 'subnet')
    monkeypatch.setenv('GAIA_SSL_TEST', name)
    config = tmp_path / 'config.py'
    config.write_text(f'path = {quoted("{{$GAIA_SSL_TEST:none}}")}\n')
    assert Config.fromfile(config).path == name
