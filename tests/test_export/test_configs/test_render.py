"""An extracted folder's configs are the benchmark configs of its subnet."""

from dataclasses import dataclass, replace

import pytest
from mmengine.config import Config

from gaia_ssl.downstream import Subnet
from gaia_ssl.export.configs import WRITTEN, config_texts
from gaia_ssl.export.configs.render import BENCHMARKS, render
from gaia_ssl.space.families import Family, ResNetFamily

CONFIG = '''"""A config of a user's."""

_base_ = 'mmdet::atss/atss_r50_fpn_1x_coco.py'

from gaia_ssl import downstream


def channels(load=downstream.Subnet.load):
    return load(
        'nowhere'
    ).channels


model = downstream.Subnet.load('{{$GAIA_SSL_SUBNET:nowhere}}').backbone()
neck = channels()
'''


@pytest.fixture(scope='module')
def folder(extracted):
    return extracted(dict(stem_width=9, width=[11, 23, 33, 77], depth=[1, 2, 1, 2]))


@pytest.mark.parametrize('name', WRITTEN)
def test_is_the_benchmark_of_the_folder(monkeypatch, folder, name):
    monkeypatch.setenv('GAIA_SSL_SUBNET', str(folder))
    benchmark = Config.fromfile(BENCHMARKS / WRITTEN[name])
    written = Config.fromfile(folder / name).to_dict()
    # unlike the benchmark it does not import gaia_ssl itself
    assert written.pop('custom_imports') == dict(imports=['gaia_ssl'], allow_failed_imports=False)
    assert written == benchmark.to_dict()


def test_any_spelling_of_loading_is_rendered(folder, tmp_path):
    (tmp_path / 'config.py').write_text(CONFIG)
    subnet = Subnet.load(str(folder))
    values = render(tmp_path / 'config.py', subnet).values
    assert list(values) == ['_base_', 'custom_imports', 'model', 'neck']
    assert values['model'] == subnet.backbone() and values['neck'] == subnet.channels


def test_a_family_without_dilation_gets_the_others(folder):
    @dataclass(frozen=True)
    class Rigid(ResNetFamily):
        dilated = Family.dilated

    subnet = Subnet.load(str(folder))
    subnet = replace(subnet, family=Rigid(**vars(subnet.family)))
    assert WRITTEN.keys() - config_texts(subnet).keys() == {'mmseg_fcn_ade20k.py'}
