"""The model index lists every config and states its true schedule and cost."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config

from gaia_ssl.registry import MODELS as BACKBONES
from gaia_ssl.space import count_cost

ROOT = Path(__file__).resolve().parents[2]
METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
MODELS = {
    model['Name']: model
    for metafile in METAFILES
    for model in yaml.safe_load((ROOT / metafile).read_text())['Models']
}
# whose models are sized by an extracted folder
OF_SUBNETS = ('configs/benchmarks', 'configs/quickstart')

SUPERNETS = [n for n, model in MODELS.items() if not model['Config'].startswith(OF_SUBNETS)]


@pytest.fixture(scope='module')
def subnet(extracted):
    return extracted()


def check_schedule(model):
    config = Config.fromfile(ROOT / model['Config'])
    about = model['Metadata']
    kind, length = ('Epochs', 'max_epochs') if 'Epochs' in about else ('Iterations', 'max_iters')
    assert about[kind] == config.train_cfg[length] and len({'Epochs', 'Iterations'} & {*about}) == 1
    batch = config.get('auto_scale_lr', {}).get('base_batch_size')
    if model['In Collection'] == 'Quickstart':  # one process, whatever the base's
        batch = config.train_dataloader.batch_size
    elif batch is None:  # the name says how many processes there are
        processes = int(re.search(r'(\d+)xb', model['Name'])[1])
        batch = processes * config.train_dataloader.batch_size
    assert about['Batch Size'] == batch


def test_every_config_is_listed_once():
    listed = [model['Config'] for model in MODELS.values()]
    configs = {
        str(path.relative_to(ROOT))
        for path in ROOT.glob('configs/**/*.py')
        if '_base_' not in path.parts
    }
    assert sorted(configs) == sorted(listed)
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob('configs/**/metafile.yml')} == set(
        METAFILES
    )


@pytest.mark.parametrize('metafile', METAFILES)
def test_what_a_metafile_names_is_there(metafile):
    content = yaml.safe_load((ROOT / metafile).read_text())
    collections = {c['Name']: c for c in content['Collections']}
    assert all((ROOT / c['README']).is_file() for c in collections.values())
    for model in content['Models']:
        assert model['In Collection'] in collections
        assert Path(model['Config']).stem == model['Name']
        assert MODELS.keys() >= set(model.get('Downstream', ()))
        readme = (ROOT / collections[model['In Collection']]['README']).read_text()
        assert f'({model["Name"]}.py)' in readme


def test_names_and_aliases_are_of_one_model_each():
    names = [n for model in MODELS.values() for n in (model['Name'], *model.get('Alias', ()))]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize('name', [n for n in SUPERNETS if 'ar50to101' in n])
def test_supernets_of_the_papers_space_link_to_the_same_benchmarks(name):
    downstream = MODELS[name]['Downstream']
    assert downstream == MODELS['mocov2_ar50to101_8xb32-coslr-200e_in1k']['Downstream']
    rooms = {Path(MODELS[other]['Config']).parts[2] for other in downstream}
    assert rooms == {'classification', 'detection', 'segmentation'}


@pytest.mark.parametrize('name', SUPERNETS)
def test_costs_of_supernets(name):
    """FLOPs and parameters of the backbone at MAX, at the config's input size."""
    config = Config.fromfile(ROOT / MODELS[name]['Config'])
    with torch.device('meta'):
        space = BACKBONES.build(config.model.backbone).space
    size = config.get('search', {}).get('input_size', 224)
    cost, about = count_cost(space, space.max, size), MODELS[name]['Metadata']
    assert (about['FLOPs'], about['Parameters']) == (cost.flops, cost.params)


@pytest.mark.parametrize('name', SUPERNETS)
def test_schedules_of_supernets(name):
    check_schedule(MODELS[name])


@pytest.mark.slow
@pytest.mark.parametrize('name', [n for n in MODELS if n not in SUPERNETS])
def test_schedules_of_benchmarks(name, subnet, monkeypatch):
    monkeypatch.setenv('GAIA_SSL_SUBNET', str(subnet))
    check_schedule(MODELS[name])


BENCHMARKS = [n for n, m in MODELS.items() if m['Config'].startswith('configs/benchmarks')]


@pytest.mark.parametrize('name', BENCHMARKS)
def test_readmes_and_guides_follow_the_metafiles(name):
    model = MODELS[name]
    about, [alias] = model['Metadata'], model['Alias']
    kind = 'Epochs' if 'Epochs' in about else 'Iterations'
    schedule = f'{about[kind]:,} {kind.lower()} of batch {about["Batch Size"]}'
    readme = (ROOT / model['Config']).with_name('README.md').read_text()
    assert f'| `{alias}` | [{name}]({name}.py) | {schedule}' in readme
    task = 'classification' if 'classification' in model['Config'] else 'finetune'
    assert f'`{name}.py`' in (ROOT / f'docs/en/user_guides/{task}.md').read_text()
