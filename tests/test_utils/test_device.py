import platform
from pathlib import Path

from gaia_ssl.utils.device import cpu_name


def test_the_model_that_linux_reports(monkeypatch):
    info = 'processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz: fast\nmodel name\t: other\n'
    monkeypatch.setattr(Path, 'is_file', lambda path: str(path) == '/proc/cpuinfo')
    monkeypatch.setattr(Path, 'read_text', lambda path: info)
    assert cpu_name() == 'Some CPU @ 2.0GHz: fast'


def test_elsewhere_it_is_what_python_knows(monkeypatch):
    monkeypatch.setattr(Path, 'is_file', lambda path: False)
    monkeypatch.setattr(platform, 'processor', lambda: '')
    monkeypatch.setattr(platform, 'machine', lambda: 'riscv64')
    assert cpu_name() == 'riscv64'
    monkeypatch.setattr(platform, 'processor', lambda: 'RISC-V core')
    assert cpu_name() == 'RISC-V core'
