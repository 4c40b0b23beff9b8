import sys
from types import ModuleType

import pytest
import torch

from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint


@pytest.mark.parametrize('text', ['', '{"arch": 1}', 'hello', 'epoch 1'])
def test_a_text_is_no_checkpoint(tmp_path, text):
    path = tmp_path / 'text.pth'
    path.write_text(text)
    with pytest.raises(UserError, match='text.pth cannot be read .*; it may be truncated'):
        load_checkpoint(str(path))


def test_code_that_is_not_installed_is_named(tmp_path, monkeypatch):
    module = ModuleType('elsewhere')
    module.Thing = type('Thing', (), dict(__module__='elsewhere'))
    monkeypatch.setitem(sys.modules, 'elsewhere', module)
    path = tmp_path / 'foreign.pth'
    torch.save(dict(thing=module.Thing()), path)
    del module.Thing
    with pytest.raises(UserError, match='foreign.pth holds objects of code .*Thing.*; install it'):
        load_checkpoint(str(path))
    monkeypatch.delitem(sys.modules, 'elsewhere')
    with pytest.raises(UserError, match="foreign.pth holds objects of code .*'elsewhere'"):
        load_checkpoint(str(path))
