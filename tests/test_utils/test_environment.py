import platform

import torch

from gaia_ssl.utils.environment import as_line, machine, versions


def test_versions_are_those_of_the_imported_packages():
    found = versions()
    assert found['torch'] == torch.__version__.partition('+')[0]
    assert found['python'] == platform.python_version() and 'mmengine' in found


def test_a_report_in_a_sentence():
    report = dict(machine=dict(machine(), cores=2), versions=dict(python='3.11.7', torch='2.12.1'))
    line = as_line(report)
    assert line.startswith('2 cores of ') and line.endswith('; python 3.11.7, torch 2.12.1.')
