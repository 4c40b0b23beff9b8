import pytest
from mmengine.config import Config

from gaia_ssl.engine.options import merge_options
from gaia_ssl.utils import UserError


@pytest.mark.parametrize(
    'given, config, expected',
    [('here', 'there', 'here'), (None, 'there', 'there'), (None, None, 'work_dirs/name')],
)
def test_the_work_dir_is_the_command_line_s_before_the_config_s(
    tmp_path, monkeypatch, given, config, expected
):
    monkeypatch.chdir(tmp_path)
    merged = Config(dict(optim_wrapper={}, work_dir=config))
    merge_options(merged, 'name', work_dir=given)
    assert merged.work_dir == expected
    assert [p.name for p in (tmp_path / expected).iterdir()] == []


def test_a_work_dir_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match='^work_dir: .*file/work cannot be written'):
        merge_options(Config(dict(optim_wrapper={})), 'name', work_dir=str(tmp_path / 'file/work'))
