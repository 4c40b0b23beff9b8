"""Extraction from config, checkpoint and arch to a folder."""

import hashlib
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config

from gaia_ssl.export import Choice, extract, extract_all
from gaia_ssl.models.backbones import DynamicResNet, SubnetResNet
from gaia_ssl.registry import MODELS
from gaia_ssl.space import SearchSpace, count_cost, get_space
from gaia_ssl.utils import UserError

TINY = get_space('tiny10to22')


def load(folder):
    return torch.load(folder / 'backbone.pth', weights_only=True)


def test_the_folder_holds_the_subnet_of_the_supernet(tmp_path, source):
    config, checkpoint = source
    meta = extract(config, checkpoint, Choice('R18'), str(tmp_path / 'out'))
    content = load(tmp_path / 'out')
    assert content['meta'] == meta
    net = SubnetResNet(meta['arch'], **meta['family']).eval()
    net.load_state_dict(content['state_dict'], strict=True)

    supernet = DynamicResNet('tiny10to22').eval()
    weights = torch.load(checkpoint, weights_only=False)['state_dict']
    supernet.load_state_dict(
        {k.removeprefix('backbone.'): v for k, v in weights.items() if 'backbone.' in k}
    )
    supernet.set_arch('R18')
    x = torch.randn(2, 3, 64, 48)
    torch.testing.assert_close(net(x)[0], supernet(x)[0], rtol=1e-6, atol=1e-6)


def test_meta_says_where_it_comes_from(tmp_path, source):
    config, checkpoint = source
    meta = extract(config, checkpoint, Choice('MIN'), str(tmp_path / 'out'), input_size=96)
    cost = count_cost(TINY, TINY.min, 96)
    assert (meta['flops'], meta['params'], meta['input_size']) == (cost.flops, cost.params, 96)
    assert meta['arch'] == TINY.min
    assert SearchSpace.from_dict(meta['space']) == TINY
    assert meta['calibration'] is None and meta['search'] is None
    assert meta['normalisation'] == dict(
        mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 55.0], to_rgb=True
    )
    assert meta['stages'][0] == dict(channels=8, stride=4)
    digest = hashlib.sha256(open(checkpoint, 'rb').read()).hexdigest()
    assert meta['source']['checkpoint_sha256'] == digest
    assert meta['source']['config'] == config.filename
    assert meta['versions']['torch'] == torch.__version__
    assert json.loads(json.dumps(meta)) == meta


def test_input_size_is_the_searchs_then_the_configs(tmp_path, source):
    sizes = [
        extract(*source, choice, str(tmp_path / str(i)))['input_size']
        for i, choice in enumerate([Choice('MIN'), Choice('MIN', input_size=80)])
    ]
    assert sizes == [64, 80]


def test_calibration_changes_statistics_alone_and_is_recorded(tmp_path, source, photos):
    extract(*source, Choice('R18'), str(tmp_path / 'raw'))
    meta = extract(
        *source,
        Choice('R18'),
        str(tmp_path / 'calibrated'),
        calibrate_on=str(photos),
        calibrate_num=6,
    )
    assert meta['calibration']['images'] == 6
    raw, calibrated = (load(tmp_path / name)['state_dict'] for name in ('raw', 'calibrated'))
    for key, value in raw.items():
        statistic = key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))
        assert torch.equal(value, calibrated[key]) != statistic


def test_is_repeatable(tmp_path, source, photos):
    for name in 'ab':
        extract(*source, Choice('R18'), str(tmp_path / name), calibrate_on=str(photos))
    for file in (tmp_path / 'a').iterdir():
        if file.suffix != '.pth':
            assert file.read_text() == (tmp_path / 'b' / file.name).read_text()
    a, b = load(tmp_path / 'a'), load(tmp_path / 'b')
    assert a['meta'] == b['meta']
    assert all(torch.equal(v, b['state_dict'][k]) for k, v in a['state_dict'].items())


def test_options_of_the_supernet_are_kept(extracted):
    content = load(extracted('MIN', options="style='caffe', block='bottleneck'"))
    assert content['meta']['family']['style'] == 'caffe'
    net = SubnetResNet(content['meta']['arch'], **content['meta']['family'])
    net.load_state_dict(content['state_dict'])


@pytest.mark.parametrize(
    'backbone, options',
    [
        ("type='DynamicMobileNet', space='tinymb4to8'", 'stem_stride=1'),
        (
            "type='DynamicResNet', space='tiny10to22'",
            "block='bottleneck', group_widths=(2, 4, 8, 16)",
        ),
    ],
)
def test_other_families_are_extracted_and_calibrated(
    tmp_path, pretraining, photos, backbone, options
):
    config, checkpoint = pretraining(options, backbone)
    space = MODELS.build(eval(f'dict({backbone}, {options})')).space
    arch = space.sample(np.random.default_rng(0))
    meta = extract(
        Config.fromfile(config),
        str(checkpoint),
        Choice(arch),
        str(tmp_path / 'out'),
        calibrate_on=str(photos),
    )
    net = MODELS.build(dict(type=meta['type'], arch=meta['arch'], **meta['family']))
    net.load_state_dict(load(tmp_path / 'out')['state_dict'])
    assert meta['params'] == sum(p.numel() for p in net.parameters())
    assert SearchSpace.from_dict(meta['space']) == space
    assert [s['channels'] for s in meta['stages']] == [
        space.family.out_channels(width) for width in arch['width']
    ]


def test_only_what_the_subnet_uses_is_stored(extracted):
    folder = extracted('MIN')
    weights = load(folder)['state_dict']
    stored = sum(value.numel() * value.element_size() for value in weights.values())
    assert (folder / 'backbone.pth').stat().st_size < stored * 1.2 + 50_000


@pytest.mark.parametrize(
    'problem, message',
    [
        (dict(choice=Choice('R50')), "'R50' is not an anchor of space 'tiny10to22'"),
        (dict(choice=Choice(dict(TINY.min, stem_width=64))), 'arch.stem_width: 64 is out of'),
        (dict(input_size=-1), 'input_size: -1 is not a size'),
        (dict(checkpoint='/nowhere/x.pth'), 'checkpoint: /nowhere/x.pth does not exist'),
        (dict(calibrate_on='/nowhere'), 'images: /nowhere is not a folder'),
    ],
)
def test_nothing_is_left_of_a_failure(tmp_path, source, problem, message):
    config, checkpoint = source
    arguments = dict(config=config, checkpoint=checkpoint, choice=Choice('MIN'), **{}) | problem
    with pytest.raises(UserError, match=message):
        extract(out=str(tmp_path / 'deep' / 'out'), **arguments)
    assert not list(tmp_path.iterdir())


def test_a_supernet_of_another_space_is_refused(tmp_path, source):
    config = Config.fromfile(source[0].filename)
    config.model.backbone.space = 'ar50to101'
    with pytest.raises(UserError, match='is of another space than .ar50to101. in .*config.py'):
        extract(config, source[1], Choice('MIN'), str(tmp_path / 'out'))
    assert not list(tmp_path.iterdir())


CHOICES = dict(small=Choice('MIN'), large=Choice('R18', dict(file='s.json', rank=2), 80))


def test_several_are_each_what_one_is(tmp_path, source, photos):
    options = dict(calibrate_on=str(photos), calibrate_num=6, input_size=32)
    written = {f: m for f, m, _ in extract_all(*source, CHOICES, str(tmp_path / 'all'), **options)}
    assert list(written) == [str(tmp_path / 'all' / name) for name in CHOICES]
    for name, choice in CHOICES.items():
        alone, one = tmp_path / 'alone' / name, tmp_path / 'all' / name
        meta = extract(*source, choice, str(alone), **options)
        assert written[str(one)] == meta == load(one)['meta']
        assert sorted(p.name for p in one.iterdir()) == sorted(p.name for p in alone.iterdir())
        weights = load(one)['state_dict']
        assert all(torch.equal(v, weights[k]) for k, v in load(alone)['state_dict'].items())


def test_several_of_nothing(tmp_path, source):
    with pytest.raises(UserError, match='^choices: no arch is given; give one or more, or None'):
        list(extract_all(*source, {}, str(tmp_path / 'out')))


def test_formats_can_be_a_generator(tmp_path, source):
    meta = extract(*source, Choice('MIN'), str(tmp_path / 'a'), formats=iter(['torchscript']))
    assert meta['formats'] == ['torchscript'] and (tmp_path / 'a/backbone.torchscript').exists()


def test_all_anchors(tmp_path, source):
    written = {folder: meta for folder, meta, _ in extract_all(*source, None, str(tmp_path))}
    assert {p.name for p in tmp_path.iterdir()} == set(TINY.anchors)
    for name, arch in TINY.anchors.items():
        assert written[str(tmp_path / name)]['arch'] == arch


def test_several_are_taken_up_where_they_were_stopped(tmp_path, source):
    config, checkpoint = source
    stopped = extract_all(config, checkpoint, CHOICES, str(tmp_path))
    next(stopped)
    assert [p.name for p in tmp_path.iterdir()] == ['small']
    path = tmp_path / 'small' / 'backbone.pth'
    before = path.stat().st_ino
    kept = [kept for *_, kept in extract_all(config, checkpoint, CHOICES, str(tmp_path))]
    assert kept == [True, False]
    assert path.stat().st_ino == before
    assert load(tmp_path / 'large')['meta']['arch'] == TINY.anchors['R18']
    list(extract_all(config, checkpoint, CHOICES, str(tmp_path), overwrite=True))
    assert path.stat().st_ino != before


@pytest.mark.parametrize(
    'change, key',
    [
        (dict(choices=dict(small=Choice('MAX'))), 'arch'),
        (dict(choices=dict(small=Choice('MIN', dict(rank=1)))), 'search'),
        (dict(input_size=96), 'flops'),
        (dict(calibrate_on='photos'), 'calibration'),
        (dict(formats=['torchscript']), 'formats'),
    ],
)
def test_several_do_not_pass_for_others(tmp_path, source, photos, change, key):
    options = dict(choices=dict(small=Choice('MIN')), out=str(tmp_path))
    list(extract_all(*source, **options))
    if 'calibrate_on' in change:
        change = dict(calibrate_on=str(photos))
    with pytest.raises(UserError, match=rf'small holds another subnet .its {key} differs.; choose'):
        list(extract_all(*source, **(options | change)))


def test_maps_do_not_pass_for_vectors(tmp_path, source):
    options = dict(out=str(tmp_path), formats=['torchscript'])
    choices = dict(small=Choice('MIN'))
    list(extract_all(*source, choices, **options))
    with pytest.raises(UserError, match='small holds another subnet .its pooled differs.; choose'):
        list(extract_all(*source, choices, pooled=True, **options))


@pytest.mark.parametrize('content', [dict(weight=torch.zeros(1)), [1]])
def test_several_do_not_pass_for_files_of_other_programs(tmp_path, source, content):
    (tmp_path / 'small').mkdir()
    torch.save(content, tmp_path / 'small' / 'backbone.pth')
    with pytest.raises(UserError, match='small holds another subnet .its arch differs.; choose'):
        list(extract_all(*source, CHOICES, str(tmp_path)))


@pytest.mark.parametrize(
    'overwrite, message', [(False, 'large exists and is not empty'), (True, 'no backbone.pth')]
)
def test_of_several_none_is_written_if_one_has_no_place(tmp_path, source, overwrite, message):
    (tmp_path / 'large').mkdir()
    (tmp_path / 'large' / 'thesis.tex').touch()
    with pytest.raises(UserError, match=message):
        list(extract_all(*source, CHOICES, str(tmp_path), overwrite=overwrite))
    assert [p.name for p in tmp_path.iterdir()] == ['large']


def test_of_several_none_is_written_if_one_is_wrong(tmp_path, source):
    choices = dict(good=Choice('MIN'), bad=Choice(dict(TINY.min, stem_width=64)))
    with pytest.raises(UserError, match='arch.stem_width: 64 is out of'):
        list(extract_all(*source, choices, str(tmp_path / 'out')))
    assert not list(tmp_path.iterdir())
