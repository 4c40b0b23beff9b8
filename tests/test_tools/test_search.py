"""tools/search.py and tools/dist_search.sh, as they are called."""

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.utils.lock import lock

ROOT = Path(__file__).parents[2]
TOOL = str(ROOT / 'tools' / 'search.py')
ENV = dict(
    os.environ,
    PYTHONPATH=str(ROOT),
    OMP_NUM_THREADS='1',
    CUDA_VISIBLE_DEVICES='',
    PYTHON=sys.executable,
)
WHOLE_SET = dict(
    task='global', distance=('cosine', 'neighbours', 'label_ridge'), labels='images', num=60
)
FEW = dict(flops=(1.6e6, 1.65e6))
RACE = dict(task='global', race='fast', top=5, num=80, bn_group=4, images='many')
CONFIG = """
default_scope = 'gaia_ssl'
model = dict(
    type='DynamicMoCo',
    queue_len=16,
    feat_dim=8,
    backbone=dict(type='DynamicResNet', space='tiny10to22'),
    neck=dict(
        type='mmpretrain.MoCoV2Neck', in_channels=128, hid_channels=16, out_channels=8
    ),
    head=dict(
        type='mmpretrain.ContrastiveHead',
        loss=dict(type='mmpretrain.CrossEntropyLoss'),
        temperature=0.2,
    ),
    data_preprocessor=dict(mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4], to_rgb=True),
)
search = dict(input_size=40)
"""


@pytest.fixture
def run(command):
    return lambda *args, **options: command(TOOL, *args, **options)


@pytest.fixture(scope='module')
def given(tmp_path_factory):
    """A config, a checkpoint of its model, and 37 images."""
    from mmengine.config import Config
    from mmengine.logging import HistoryBuffer

    import gaia_ssl.models.selfsup  # noqa: F401
    from gaia_ssl.registry import MODELS

    folder = tmp_path_factory.mktemp('given')
    torch.manual_seed(0)
    (folder / 'config.py').write_text(CONFIG)
    model = MODELS.build(Config.fromfile(folder / 'config.py').model)
    # the Runner's checkpoints hold more than weights
    checkpoint = dict(state_dict=model.state_dict(), meta={}, message_hub=HistoryBuffer([1.0], [1]))
    torch.save(checkpoint, folder / 'supernet.pth')
    for index in range(37):
        rng = np.random.default_rng(index)
        path = (
            folder / 'images' / f'class{index % 3}' / f'{index}.{("png", "jpg", "webp")[index % 3]}'
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        noise.resize((48, 40 + index)).save(path)
    (folder / 'many').mkdir()
    for index in range(160):
        noise = np.random.default_rng(index).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / 'many' / f'{index:03d}.png')
    return folder


def args_of(given, **options):
    """The command's arguments; an option that is None is left out."""
    config = options.pop('config', given / 'config.py')
    checkpoint = options.pop('checkpoint', given / 'supernet.pth')
    defaults = dict(images=given / 'images', task='dense', flops=(1.6e6, 3.5e6), bn_group=8)
    defaults |= dict(strategy='random', num=12)
    options = dict(defaults, **options)
    for name in ('labels', 'images'):
        if options.get(name) in ('images', 'many'):
            options[name] = given / options[name]
    args = [config, checkpoint]
    for name, value in options.items():
        if value is not None:
            args.append(f'--{name.replace("_", "-")}')
            args.extend(value if isinstance(value, (tuple, list)) else [value])
    return [str(arg) for arg in args if arg != '']


def test_scores_of_the_whole_set_and_by_labels(given, run, tmp_path):
    done = run(*args_of(given, work_dir=tmp_path, **dict(WHOLE_SET, num=8)))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'search.json').read_text())
    assert result['meta']['distance'] == 'cosine + neighbours + label_ridge'
    assert result['meta']['labels_count'] == 37 and result['meta']['labels'].endswith('images')
    assert 'label_ridge: the pick' in done.stdout and ', at best with ' in done.stdout
    for row in result['subnets']:
        assert row['distance'] == pytest.approx(sum(row['terms']))
        assert row['terms'][2] * 37 == pytest.approx(round(row['terms'][2] * 37))


@pytest.mark.slow
def test_the_command_that_the_page_copies_extracts(given, run, command, show, tmp_path):
    done = run(*args_of(given, work_dir=tmp_path, num=4))
    assert done.returncode == 0, done.stderr
    page = show(tmp_path / 'search.html')
    page.select_option('#copies', index=1)
    page.locator('#top tr').nth(2).click()
    python, *words = shlex.split(page.locator('#copied').input_value())
    out = tmp_path / 'subnet'
    words[words.index('--out') + 1] = out
    done = command(*words)
    assert python == 'python' and done.returncode == 0, done.stderr
    arch = json.loads((out / 'arch.json').read_text())
    assert arch == json.loads((tmp_path / 'search.json').read_text())['subnets'][1]['arch']


@pytest.mark.parametrize(
    'options, strategy, share',
    [
        (dict(), 'auto', '12 of {feasible}'),
        (FEW, 'auto', 'all {feasible}'),
        (RACE | FEW | dict(images='images', num=None), 'exhaustive', 'all {feasible}'),
    ],
    ids=['evolution', 'all', 'race'],
)
def test_what_is_scored_without_a_strategy(given, run, tmp_path, options, strategy, share):
    done = run(*args_of(given, work_dir=tmp_path, strategy=None, **options))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'search.json').read_text())
    meta = result['meta']
    share = share.format(feasible=f'{meta["num_feasible"]:,}')
    assert f'scoring {share} subnets within the budget on 37 images' in done.stdout
    assert meta['strategy'] == strategy
    assert f'{len(result["subnets"])}' == share.split()[share.startswith('all')]


def test_the_pick_of_a_race_is_judged(given, run, tmp_path):
    options = dict(RACE, judge=given / 'images')
    done = run(*args_of(given, work_dir=tmp_path, **options))
    assert done.returncode == 0, done.stderr
    assert 'kNN top-1: the pick is' in done.stdout
    assert 'linear probe top-1: the pick is' in done.stdout
    report = json.loads((tmp_path / 'judge.json').read_text())
    roles = [role for row in report['subnets'] for role in row['roles']]
    assert roles.count('random') == 12 and {'rank 1', 'rank 5', 'MIN', 'MAX'} < {*roles}
    result = json.loads((tmp_path / 'search.json').read_text())
    [pick] = [row for row in report['subnets'] if 'rank 1' in row['roles']]
    assert pick['arch'] == result['subnets'][0]['arch']
    assert pick['distance'] == pytest.approx(result['subnets'][0]['distance'], rel=1e-4)
    again = run(*args_of(given, work_dir=tmp_path, **options), '--resume')
    assert again.returncode == 0, again.stderr
    assert json.loads((tmp_path / 'judge.json').read_text()) == report


def test_a_judge_that_cannot_is_told_before_the_search(given, run, tmp_path):
    for options, message in (
        (dict(RACE, judge=given / 'many'), 'is not in a class folder'),
        (dict(WHOLE_SET, judge=given / 'images'), 'error: --judge: the search reads labels'),
    ):
        done = run(*args_of(given, work_dir=tmp_path / 'none', **options))
        assert done.returncode == 2 and message in done.stderr, done.stderr
        assert not (tmp_path / 'none').exists()


def test_race(given, run, tmp_path):
    done = run(*args_of(given, work_dir=tmp_path, **RACE))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'search.json').read_text())
    facts = result['meta']['race_result']
    assert [step['images'] for step in facts['steps']] == [64, 128, 160]
    assert facts['steps'][0]['archs'] == 80 > facts['steps'][-1]['archs'] >= 5
    assert f'race: subnets by images 80 to 64, {facts["steps"][1]["archs"]} to 128' in done.stdout
    assert f'; {facts["share"]:.0%} of the multiply-adds of all' in done.stdout
    done = run(*args_of(given, work_dir=tmp_path / 'none', top=3))
    assert done.returncode == 2
    assert 'error: top: it is a setting of a race; give --race as well' in done.stderr


def test_the_best_of_a_race_by_other_scores(given, run, tmp_path):
    done = run(*args_of(given, work_dir=tmp_path / 'race', **RACE))
    assert done.returncode == 0, done.stderr
    best = json.loads((tmp_path / 'race/search.json').read_text())['subnets'][:4]
    options = dict(WHOLE_SET, strategy='listed', num=4, work_dir=tmp_path / 'best')
    done = run(*args_of(given, **options), '--from', str(tmp_path / 'race'))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'best/search.json').read_text())
    assert {str(row['arch']) for row in result['subnets']} == {str(row['arch']) for row in best}
    assert result['meta']['teacher'] == 'ema'
    assert all(len(row['terms']) == 3 for row in result['subnets'])
    done = run(*args_of(given, work_dir=tmp_path / 'none', strategy='listed'))
    assert done.returncode == 2 and 'error: --strategy: listed takes the archs of' in done.stderr


def test_search(given, run, tmp_path):
    work_dir = tmp_path / 'work'
    done = run(*args_of(given, work_dir=work_dir))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in work_dir.iterdir()} == {
        '.lock',
        'rounds',
        'search.json',
        'search.csv',
        'search.html',
        'distance.png',
    }
    result = json.loads((work_dir / 'search.json').read_text())
    subnets, meta = result['subnets'], result['meta']
    assert len(subnets) == 12
    distances = [row['distance'] for row in subnets]
    assert distances == sorted(distances) and 1e-5 < distances[0] < distances[-1]
    assert all(1.6e6 <= row['flops'] < 3.5e6 for row in subnets)
    assert [row['name'] for row in result['anchors']] == ['MAX', 'MIN', 'R18']
    assert meta['images_count'] == 37 and meta['input_size'] == 40
    assert meta['teacher'] == 'ema' and meta['bn'] == dict(policy='group', group=8)
    assert (meta['task'], meta['distance'], meta['stages']) == ('dense', 'mse', [3])
    assert f'search.json, of {meta["num_feasible"]:,} within the budget' in done.stdout
    assert '75/75 subnet passes' in done.stdout
    largest = max(range(12), key=lambda index: subnets[index]['params'])
    [*_, row] = [
        line for line in done.stdout.splitlines() if line.split()[:1] == [f'{largest + 1}']
    ]
    assert row.endswith(str(subnets[largest]['arch']))
    assert (f'rank {largest + 1} has the most parameters' in done.stdout) == (largest >= 5)


def test_another_search_in_the_same_folder_at_once(given, run, tmp_path):
    with lock(tmp_path):
        done = run(*args_of(given, work_dir=tmp_path), '--resume')
    assert done.returncode == 2
    assert f'error: --work-dir: another command is at work in {tmp_path}; wait' in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ['.lock']


def test_the_same_again_another_seed_and_other_micro_batches(given, run, tmp_path):
    def search(name, **options):
        done = run(*args_of(given, task='global', work_dir=tmp_path / name, **options))
        assert done.returncode == 0, done.stderr
        return (tmp_path / name / 'search.json').read_text()

    first = search('first')
    assert search('again') == first
    others = json.loads(search('seed', seed=1))
    assert others['subnets'] != json.loads(first)['subnets']
    together = json.loads(search('together', micro_batch=3))
    for name in ('subnets', 'anchors'):
        for a, b in zip(json.loads(first)[name], together[name], strict=True):
            assert a['arch'] == b['arch']
            assert a['distance'] == pytest.approx(b['distance'], rel=1e-5)


def test_exhaustive(given, run, tmp_path):
    options = dict(strategy='exhaustive', num=None, flops=(1.5e6, 1.6e6), params=('0', '0.2M'))
    done = run(*args_of(given, work_dir=tmp_path / 'work', **options))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / 'work' / 'search.json').read_text())
    from gaia_ssl.space import count_cost, get_space

    space = get_space('tiny10to22')
    costs = [count_cost(space, arch, 40) for arch in space]
    within = [c for c in costs if 1.5e6 <= c.flops < 1.6e6 and c.params < 2e5]
    assert len(result['subnets']) == len(within) > 20


def test_images_are_drawn_by_the_seed_whatever_the_strategy(given, run, tmp_path):
    def meta(name, **options):
        done = run(*args_of(given, work_dir=tmp_path / name, num_images=9, **options))
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / name / 'search.json').read_text())['meta']

    few = dict(strategy='exhaustive', num=None, flops=(1.5e6, 1.52e6))
    whole, other = meta('whole', **few, seed=1), meta('other', **few, seed=2)
    drawn = meta('drawn', num=2, seed=1)
    assert whole['images_sha256'] == drawn['images_sha256'] != other['images_sha256']
    assert [one['images_seed'] for one in (whole, drawn, other)] == [1, 1, 2]
    assert drawn['seed'] == 1 and 'seed' not in whole


def test_everything_at_once(given, run, tmp_path):
    """Several distances, budgets and sizes, whole-set statistics, a memory bound, evolution."""
    work_dir = tmp_path / 'work'
    images = [given / 'images' / name for name in ('class0', 'class1')]
    options = dict(
        images=images,
        num_images=20,
        task='global',
        distance=('relation', 'dense_mse=0.5', 'pooled_rank=2'),
        stages=(2, 3),
        flops=('1M', '4M'),
        memory=(0, '60K'),
        strategy='evolution',
        num=18,
        population=6,
        bn_policy='calibrated',
        max_memory='1G',
    )
    more = ['--memory', '0', '1M', '96x64', '--amp']
    done = run(*args_of(given, work_dir=work_dir, **options), *more)
    assert done.returncode == 0, done.stderr
    assert len(list((work_dir / 'rounds').glob('*/*.npy'))) == 3  # a block of each round
    result = json.loads((work_dir / 'search.json').read_text())
    meta, subnets = result['meta'], result['subnets']
    assert meta['distance'] == 'relation + 0.5 dense_mse + 2 pooled_rank'
    assert meta['stages'] == [2, 3] and meta['images_count'] == 20 and meta['dtype'] == 'bfloat16'
    assert meta['strategy'] == 'evolution' and meta['population'] == 6
    assert len({json.dumps(row['arch']) for row in subnets}) == len(subnets) == 18
    for row in subnets:
        assert 1e6 <= row['flops'] < 4e6 and row['memory'] < 6e4 and row['memory@96x64'] < 1e6
        relation, dense, rank = row['terms']
        assert row['distance'] == pytest.approx(relation + 0.5 * dense + 2 * rank)


def truncated(given, tmp_path):
    path = tmp_path / 'truncated.pth'
    path.write_bytes((given / 'supernet.pth').read_bytes()[:100_000])
    return dict(checkpoint=path)


def corrupt(given, tmp_path):
    folder = tmp_path / 'corrupt'
    folder.mkdir()
    for name in ('0.png', '3.png', '6.png'):
        (folder / name).write_bytes((given / 'images' / 'class0' / name).read_bytes())
    (folder / '5.png').write_bytes((folder / '3.png').read_bytes()[:300])
    return dict(images=folder)


def empty(given, tmp_path):
    (tmp_path / 'empty').mkdir()
    return dict(images=tmp_path / 'empty')


def other_pipeline(given, tmp_path):
    path = tmp_path / 'pipeline.py'
    pipeline = [dict(type='LoadImageFromFile'), dict(type='mmpretrain.PackInputs')]
    path.write_text(f"{CONFIG}search['pipeline'] = {pipeline}\n")
    return dict(config=path)


def diverged(given, tmp_path):
    checkpoint = torch.load(given / 'supernet.pth', weights_only=False)
    checkpoint['state_dict']['backbone.conv1.weight'][0] = float('nan')
    torch.save(checkpoint, tmp_path / 'diverged.pth')
    return dict(checkpoint=tmp_path / 'diverged.pth')


def no_model(given, tmp_path):
    (tmp_path / 'model.py').write_text("default_scope = 'gaia_ssl'\n")
    return dict(config=tmp_path / 'model.py')


def no_supernet(given, tmp_path):
    path = tmp_path / 'static.py'
    path.write_text(
        "model = dict(type='mmpretrain.ImageClassifier', backbone=dict(type='mmpretrain.LeNet5'))"
    )
    return dict(config=path)


BAD = dict(
    seed=(dict(seed=-1), 'seed: -1 is negative'),
    no_model=(no_model, 'model.py has no supernet'),
    no_supernet=(no_supernet, 'static.py has no supernet'),
    budget_text=(dict(flops=('3X', '4G')), "budget: '3X' is not a quantity"),
    budget_empty=(dict(flops=('4G', '3G')), 'flops: the budget from 4e+09 to 3e+09 is empty'),
    budget_infeasible=(dict(flops=('3G', '4G')), 'nearest feasible values are'),
    distance=(dict(distance='kl', task='global'), "distance: 'kl' is unknown for task global"),
    stage=(dict(stages=4), 'stages: [4] are not among 0 to 3'),
    global_stage=(dict(task='global', stages=3), 'stages: only dense distances compare'),
    bn_group=(dict(bn_group=2), '--bn-group: 2 images are too few'),
    num=(dict(num=0), 'num: 0'),
    no_folder=(dict(images='nowhere'), 'images: nowhere is not a folder'),
    no_images=(empty, 'empty holds no image'),
    corrupt=(corrupt, '5.png cannot be read'),
    no_config=(dict(config='nowhere.py'), 'config: nowhere.py does not exist'),
    no_checkpoint=(dict(checkpoint='nowhere.pth'), 'checkpoint: nowhere.pth does not exist'),
    truncated=(truncated, 'truncated.pth cannot be read'),
    diverged=(diverged, 'weights that are not finite (first: backbone.conv1.weight)'),
    share_prefixes=(dict(share_prefixes=0), '--share-prefixes: 0 archs'),
    setting=(dict(strategy='exhaustive'), "num: strategy 'exhaustive' has no"),
    costs=(dict(strategy='pareto', costs='time'), "costs: 'time' is not known here"),
    weight=(dict(distance='mse=-1'), 'distance: mse has weight -1'),
    weight_text=(dict(distance='mse=x'), 'the weight of mse=x is not a number'),
    memory=(dict(max_memory='10K'), 'are too few for'),
    no_memory=(dict(max_memory=0), '--max-memory: 0 bytes'),
    memory_text=(dict(max_memory='8GB'), "--max-memory: '8GB' is not a quantity"),
    micro_batch=(dict(micro_batch=0), '--micro-batch: 0 groups'),
    model_setting=(dict(cfg_options='model.quue_len=8'), "unexpected keyword argument 'quue_len'"),
    size=(dict(flops=(1, 2, '3y4')), "'3y4' is not a size"),
    latency=(dict(latency=('0', '20ms')), 'give --latency-table'),
    num_images=(dict(num_images=0), '--num-images: 0'),
    one_position=(dict(input_size=32), 'the maps of stage 3 are 1x1 at 32 px'),
    pipeline=(other_pipeline, 'search.pipeline: it makes images of 48x40, but input_size is 40'),
)


@pytest.mark.parametrize('options, message', BAD.values(), ids=BAD)
def test_a_mistake_is_one_line_and_leaves_nothing(given, run, tmp_path, options, message):
    if callable(options):
        options = options(given, tmp_path)
    done = run(*args_of(given, work_dir=tmp_path / 'work', **options))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1
    assert not (tmp_path / 'work').exists()


def test_checkpoint_of_another_space(given, run, tmp_path):
    path = tmp_path / 'other.py'
    text = (given / 'config.py').read_text()
    path.write_text(
        text + "model['backbone'].update(stem='3x3')\nmodel['neck'].update(hid_channels=9)\n"
    )
    done = run(*args_of(given, config=path, work_dir=tmp_path / 'work'))
    assert done.returncode == 2
    assert 'supernet.pth is of another model or space than the config' in done.stderr
    assert not (tmp_path / 'work').exists()


def test_unwritable_work_dir(given, run, tmp_path):
    (tmp_path / 'file').write_text('mine')
    done = run(*args_of(given, work_dir=tmp_path / 'file' / 'below'))
    assert done.returncode == 2
    assert 'file/below cannot be written' in done.stderr
    assert (tmp_path / 'file').read_text() == 'mine'


def test_a_work_dir_in_use(given, run, tmp_path):
    args = args_of(given, work_dir=tmp_path / 'work')
    assert run(*args, '--resume').returncode == 0
    result = tmp_path / 'work' / 'search.json'
    before = result.read_bytes()
    refused = run(*args)
    assert refused.returncode == 2 and 'already holds a search; give --resume' in refused.stderr
    other = run(*args_of(given, work_dir=tmp_path / 'work', seed=5), '--resume')
    assert other.returncode == 2 and 'holds another search (other seed)' in other.stderr
    assert result.read_bytes() == before
    result.unlink()
    assert run(*args, '--resume').returncode == 0
    assert result.read_bytes() == before


@pytest.mark.slow
def test_killed_and_resumed(given, run, tmp_path):
    options = dict(num=60, flops=(1e6, 4e6), bn_group=4, task='global')
    args = args_of(given, work_dir=tmp_path / 'killed', **options)
    process = subprocess.Popen(
        [sys.executable, TOOL, *args], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    groups = tmp_path / 'killed' / 'rounds' / '0000'
    while process.poll() is None and len(list(groups.glob('*.npy'))) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stderr.read()
    process.stderr.close()
    done = len(list(groups.glob('*.npy')))
    assert 3 <= done < 10
    assert not (tmp_path / 'killed' / 'search.json').exists()
    kept = {path: path.stat().st_mtime_ns for path in groups.glob('*.npy')}
    assert run(*args, '--resume').returncode == 0
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in kept.items())
    assert run(*args_of(given, work_dir=tmp_path / 'whole', **options)).returncode == 0
    killed, whole = (tmp_path / name / 'search.json' for name in ('killed', 'whole'))
    assert killed.read_bytes() == whole.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    'options',
    [
        dict(num=60, bn_group=4, task='global'),
        dict(num=80, bn_group=6, strategy='evolution', population=10),
        dict(num=60, bn_group=6, strategy='pareto', population=12, distance=('mse', 'kl=2')),
        WHOLE_SET,
        RACE,
    ],
    ids=['random', 'evolution', 'pareto', 'whole set', 'race'],
)
def test_killed_again_and_again(given, run, tmp_path, options):
    """At random moments, some before anything is there and some while a file is written."""
    options = dict(options, flops=(1e6, 4e6))
    run('--help')  # what the server imports is no part of a search's time
    start = time.monotonic()
    assert run(*args_of(given, work_dir=tmp_path / 'whole', **options)).returncode == 0
    whole = time.monotonic() - start
    rng = np.random.default_rng(0)
    kills = 0
    for attempt in itertools.count():
        work_dir = tmp_path / f'killed_{attempt}'
        args, ended = args_of(given, work_dir=work_dir, **options), False
        while not ended:
            done = run(*args, '--resume', kill_after=whole * rng.uniform(0.2, 1.1))
            assert done.returncode in (0, -signal.SIGKILL), done.stderr
            ended = done.returncode == 0
            kills += not ended
        want = (tmp_path / 'whole' / 'search.json').read_bytes()
        assert (work_dir / 'search.json').read_bytes() == want
        if kills >= 7:
            break
    assert attempt < 20


@pytest.mark.parametrize(
    'processes, options',
    [
        pytest.param(2, {}, marks=pytest.mark.slow),
        pytest.param(
            2,
            dict(bn_policy='calibrated', strategy='evolution', population=5),
            marks=pytest.mark.slow,
        ),
        pytest.param(3, dict(strategy='pareto', population=5), marks=pytest.mark.slow),
        pytest.param(3, dict(bn_policy='calibrated', task='global'), marks=pytest.mark.slow),
        pytest.param(3, WHOLE_SET, marks=pytest.mark.slow),
        pytest.param(3, RACE, marks=pytest.mark.slow),
        pytest.param(2, dict(WHOLE_SET, bn_policy='calibrated'), marks=pytest.mark.slow),
    ],
)
def test_processes(given, run, tmp_path, processes, options):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    config, checkpoint, *args = args_of(given, work_dir=tmp_path / 'several', **options)
    command = ['bash', str(ROOT / 'tools' / 'dist_search.sh'), config, checkpoint, str(processes)]
    done = subprocess.run(
        [*command, *args], env=dict(ENV, PORT=port), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert run(*args_of(given, work_dir=tmp_path / 'one', **options)).returncode == 0
    texts = [(tmp_path / name / 'search.json').read_text() for name in ('one', 'several')]
    if 'bn_policy' not in options:
        assert texts[0] == texts[1]
    one, several = map(json.loads, texts)
    assert one['meta'] == several['meta']
    for name in ('subnets', 'anchors'):
        found = {str(row['arch']): row['distance'] for row in several[name]}
        want = {str(row['arch']): row['distance'] for row in one[name]}
        assert found == pytest.approx(want, rel=1e-5)
