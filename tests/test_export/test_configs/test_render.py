"""An extracted folder's configs are the benchmark configs of its subnet."""

from dataclasses import dataclass, replace

import pytest
from mmengine.config import Config

from gaia_ssl.export import Subnet
from gaia_ssl.export.configs import WRITTEN, config_texts
from gaia_ssl.export.configs.render import BENCHMARKS
from gaia_ssl.space.families import Family, ResNetFamily


@pytest.fixture(scope='module')
def folder(extracted):
    return extracted(dict(stem_width=9, width=[11, 23, 33, 77], depth=[1, 2, 1, 2]))


@pytest.mark.parametrize('name', WRITTEN)
def test_is_the_benchmark_of_the_folder(monkeypatch, folder, name):
    monkeypatch.setenv('GAIA_SSL_SUBNET', str(folder))
    benchmark = Config.fromfile(BENCHMARKS / WRITTEN[name])
    assert Config.fromfile(folder / name).to_dict() == benchmark.to_dict()


def test_a_family_without_dilation_gets_the_others(folder):
    @dataclass(frozen=True)
    class Rigid(ResNetFamily):
        dilated = Family.dilated

    subnet = Subnet.load(str(folder))
    subnet = replace(subnet, family=Rigid(**vars(subnet.family)))
    assert WRITTEN.keys() - config_texts(subnet).keys() == {'mmseg_fcn_ade20k.py'}
