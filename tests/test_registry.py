"""Building components from configs."""

import pytest
from mmengine.config import Config
from mmengine.registry import Registry

import gaia_ssl.models.selfsup  # noqa: F401 - registers the samplers
from gaia_ssl import registry
from gaia_ssl.registry import ARCH_SAMPLERS
from gaia_ssl.space import SAMPLERS, AnchorSampler, FlopsUniformSampler, get_space
from gaia_ssl.utils import UserError

AR = get_space('ar50to101')


def test_every_sampler_is_registered():
    assert {ARCH_SAMPLERS.get(sampler.__name__) for sampler in SAMPLERS} == set(SAMPLERS)


def test_every_registry_finds_its_components():
    registries = [value for value in vars(registry).values() if isinstance(value, Registry)]
    assert len(registries) > 20
    for found in registries:
        found.import_from_location()
        assert found.get('NoSuchComponent') is None


def test_samplers_within_samplers():
    config = Config(
        dict(
            sampler=dict(
                type='SandwichSampler',
                num_random=2,
                random=dict(
                    type='MixtureSampler',
                    samplers=[
                        dict(type='AnchorSampler', names=['R50', 'R77'], num=1),
                        dict(type='FlopsUniformSampler', num_bins=5),
                    ],
                    weights=[0.25, 0.75],
                ),
                seed=3,
            )
        )
    )
    before = config.pretty_text
    sampler = ARCH_SAMPLERS.build(config.sampler)
    assert (sampler.seed, sampler.num_random) == (3, 2)
    anchors, flops = sampler.random.samplers
    assert isinstance(anchors, AnchorSampler) and anchors.names == ('R50', 'R77')
    assert isinstance(flops, FlopsUniformSampler) and flops.num_bins == 5
    assert sampler.random.shares == [0.25, 0.75]
    assert len(sampler.sample(AR, 0)) == 4
    assert config.pretty_text == before


@pytest.mark.parametrize(
    'config, message',
    [
        (dict(type='SandwichSampler', random=dict(type='NoSampler')), 'NoSampler'),
        (dict(type='SandwichSampler', num_rnadom=2), 'num_rnadom'),
        (dict(type='AnchorSampler'), 'names'),
        ('UniformSampler', "'UniformSampler' is not a dict; give"),
        (dict(type='SandwichSampler', random=dict(type='UniformSampler', num=0)), 'num: 0'),
    ],
)
def test_names_what_is_wrong_with_a_config(config, message):
    with pytest.raises(UserError, match=f'arch_sampler.*{message}'):
        ARCH_SAMPLERS.build(config)


def test_bases_by_scope(tmp_path):
    file = tmp_path / 'config.py'
    for base, key in [
        ('gaia_ssl::mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k.py', 'model'),
        ('gaia_ssl::_base_/default_runtime.py', 'default_hooks'),
        ('mmseg::fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py', 'model'),
    ]:
        file.write_text(f'_base_ = {base!r}\n')
        assert key in Config.fromfile(file)
