"""What the documents say is so: links, files, command lines and configs exist; examples run."""

import json
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from gaia_ssl.datasets.synthetic.fashion_scenes import build

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for place in ('*.md', 'docs/**/*.md', 'configs/**/*.md', 'tools/**/*.md')
    for path in ROOT.glob(place)
)
# A launcher's tool, and which of the launcher's arguments are its own
LAUNCHERS = {
    'tools/quickstart.sh': ('tools/quickstart/run.py', ()),
    'tools/dist_train.sh': ('tools/train.py', (1,)),
    'tools/slurm_train.sh': ('tools/train.py', (0, 1)),
    'tools/dist_search.sh': ('tools/search.py', (2,)),
}
DOWNSTREAM = 'tools/benchmarks/downstream.py'
# of the launchers of several commands, by command
DOWNSTREAM_LAUNCHERS = {
    'tools/benchmarks/dist_downstream.sh': dict(train=(2, 3), test=(2, 4)),
    'tools/benchmarks/slurm_downstream.sh': dict(train=(1, 2, 4), test=(1, 2, 4)),
}
WITHOUT_OPTIONS = (
    'tools/full_check.sh',
    'tools/lint.sh',
    'tools/run_tests.sh',  # pytest's
    'tools/setup_env.sh',
    'tools/studies/gpu_check.sh',
    'tools/studies/wheel_check.sh',
)
# a method of the example, trained for an iteration
METHOD = """
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

MessageHub.get_current_instance().update_info('max_iters', 10)
neck = dict(
    type='mmpretrain.NonLinearNeck', in_channels=128, hid_channels=16, out_channels=8
)
head = dict(
    type='mmpretrain.LatentPredictHead',
    loss=dict(type='mmpretrain.CosineSimilarityLoss'),
    predictor=dict(neck, in_channels=8, with_avg_pool=False),
)
backbone = dict(type='DynamicResNet', space='tiny10to22')
model = MODELS.build(dict(type='DynamicMeanTeacher', backbone=backbone, neck=neck, head=head))
views = [torch.rand(4, 3, 32, 32) for _ in range(3)]
batch = dict(inputs=views, data_samples=[DataSample() for _ in range(4)])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = model.train().train_step(batch, OptimWrapper(optimizer))
assert len(losses) == 4 and all(loss.isfinite() for loss in losses.values())
"""
# a distance of the example, from features to the command line
DISTANCE = """
import torch
from gaia_ssl.distances import distance_options, distances_of

maps = [torch.rand(2, channels, 3, 4) for channels in (5, 7)]
target = distance.target(maps[0])
assert (distance(maps[0], target) == 0).all() and (distance(maps[1], target) > 0).all()
assert target.nbytes == 2 * distance.target_bytes(5, (3, 4))
assert 'gram' in distances_of('dense') and 'power' in distance_options()
"""
# the config of an extracted folder, sized for the scenes
SMALL_DETECTOR = f"""
_base_ = r'{ROOT}/configs/quickstart/mask-rcnn_scenes.py'

train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
"""
EXAMPLES = {
    'new_space': '',
    'new_backbone': '',
    'new_method': METHOD,
    'new_distance': DISTANCE,
}


NOTEBOOKS = sorted((ROOT / 'docs').rglob('*.ipynb'))


def blocks(path, language):
    return re.findall(rf'^```{language}\n(.*?)^```', path.read_text(), re.M | re.S)


def block_below(heading, path):
    """The first Python block below a heading."""
    text = path.read_text().partition(f'\n## {heading}\n')[2]
    return re.search(r'^```python\n(.*?)^```', text, re.M | re.S)[1]


def cells(notebook, kind):
    """The texts of a notebook's cells of a kind."""
    found = json.loads(notebook.read_text())['cells']
    return [''.join(cell['source']) for cell in found if cell['cell_type'] == kind]


def run_script(code, folder, **variables):
    """Run Python code as a script in a folder; return what it prints."""
    (folder / 'script.py').write_text(code)
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', **variables)
    done = subprocess.run(
        [sys.executable, 'script.py'], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def find_commands():
    """The command lines of this project's tools: (document, tool, arguments)."""
    for document in DOCUMENTS:
        for block in blocks(document, 'bash'):
            for line in block.replace('\\\n', ' ').splitlines():
                if not re.search(r'(?<![\w/])tools/[\w/]+\.(py|sh) ', line):
                    continue
                words = shlex.split(line, comments=True)
                start = next(i for i, word in enumerate(words) if word.startswith('tools/'))
                rest = words[start + 1 :]
                end = next(
                    (i for i, word in enumerate(rest) if word in ('&&', '|', ';', '>')), None
                )
                yield document, words[start], rest[:end]


COMMANDS = list(find_commands())


@cache
def load_tool(path):
    return SourceFileLoader(f'documented:{path}', str(ROOT / path)).load_module()


def parser_of(tool, arguments):
    """The tool that parses a documented command, and the arguments that it gets."""
    own = ()
    if tool in DOWNSTREAM_LAUNCHERS:
        tool, own = DOWNSTREAM, DOWNSTREAM_LAUNCHERS[tool][arguments[0]]
    elif tool in LAUNCHERS:
        tool, own = LAUNCHERS[tool]
    return tool, [word for i, word in enumerate(arguments) if i not in own]


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_exist(document):
    text = document.read_text()
    links = re.findall(r'\]\(([^)#\s]+)', text)
    missing = [x for x in links if '://' not in x and not (document.parent / x).exists()]
    rooms = 'configs|gaia_ssl|requirements|tests|tools'
    named = re.findall(rf'(?<![\w./$-])((?:{rooms})/[\w./-]*\w)(?![\w{{<*])', text)
    named = [path for path in named if '/my_' not in path]  # the reader's own
    missing += [path for path in named if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize(
    'document, tool, arguments', COMMANDS, ids=[f'{d.stem}-{t}' for d, t, _ in COMMANDS]
)
def test_commands_are_understood(request, monkeypatch, document, tool, arguments):
    if tool in WITHOUT_OPTIONS:
        assert (ROOT / tool).is_file()
        return
    tool, arguments = parser_of(tool, arguments)
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    options = load_tool(tool).parse_args()
    if str(getattr(options, 'config', '')).startswith('configs/'):
        if options.config.startswith('configs/benchmarks/'):
            subnet = request.getfixturevalue('extracted')()
            monkeypatch.setenv('GAIA_SSL_SUBNET', str(subnet))
        # settings belong to something that the config has
        for key in getattr(options, 'cfg_options', None) or {}:
            node = Config.fromfile(ROOT / options.config)
            for name in key.split('.')[:-1]:
                node = node[int(name) if name.isdigit() else name]


@pytest.mark.parametrize(
    'name',
    [
        'new_space',
        pytest.param('new_backbone', marks=pytest.mark.slow),
        pytest.param('new_method', marks=pytest.mark.slow),
        'new_distance',
    ],
)
def test_examples_run(tmp_path, name):
    code = blocks(ROOT / f'docs/en/advanced_guides/{name}.md', 'python')
    code = [block for block in code if '_base_' not in block]
    run_script('\n'.join([*code, EXAMPLES[name]]), tmp_path)


@pytest.fixture
def workplace(tmp_path, extracted):
    """A folder with an extracted one and images where the scripts expect them."""
    (tmp_path / 'data' / 'my_images').mkdir(parents=True)
    (tmp_path / 'work_dirs').mkdir()
    (tmp_path / 'work_dirs' / 'subnet_coco').symlink_to(extracted('R18'))
    for name in ('data/my_images/street', 'data/my_images/yard', 'a', 'b'):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (96, 80, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'{name}.jpg')
    return tmp_path


def test_script_from_a_folder_to_features(workplace):
    code = block_below('From a folder to features', ROOT / 'docs/en/user_guides/extract.md')
    printed = run_script(code, workplace)
    assert printed.endswith('street.jpg yard.jpg\nyard.jpg street.jpg\n')
    file = np.load(workplace / 'features.npz')
    assert file['names'].tolist() == ['street.jpg', 'yard.jpg'] and len(file['features']) == 2


@pytest.mark.slow
def test_script_from_an_exported_file_to_features(workplace, pretraining):
    config, checkpoint = pretraining()
    arguments = [config, checkpoint, '--arch', 'R18', '--export', 'onnx', '--export-pooled']
    arguments += ['--out', workplace / 'work_dirs' / 'subnet_deployed']
    subprocess.run([sys.executable, ROOT / 'tools/extract.py', *arguments], check=True)
    code = block_below('Other runtimes', ROOT / 'docs/en/user_guides/extract.md')
    run_script(code + 'assert features.shape == (1, 128)', workplace)


@pytest.mark.slow
def test_script_from_a_folder_to_a_detector(workplace):
    build(str(workplace / 'scenes'), train_scenes=8, val_scenes=2, per_class=4)
    folder = workplace / 'work_dirs' / 'subnet_coco'
    whole = folder.rename(workplace / 'extracted')
    folder.mkdir()
    (folder / 'mmdet_mask-rcnn_fpn_coco.py').write_text(SMALL_DETECTOR)
    code = block_below('From a folder to a detector', ROOT / 'docs/en/user_guides/finetune.md')
    places = dict(GAIA_SSL_SUBNET=str(whole), GAIA_SSL_DATA=str(workplace / 'scenes'))
    run_script(code, workplace, **places)
    assert (workplace / 'work_dirs' / 'detections' / 'vis' / 'street.jpg').is_file()


@pytest.mark.slow
@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(tmp_path, notebook):
    code = '\n\n'.join(cells(notebook, 'code'))
    printed = run_script(code, tmp_path, MPLBACKEND='Agg', TMPDIR=str(tmp_path))
    assert len(list(tmp_path.rglob('*.png'))) > 300
    share = int(re.search(r'nearest of the same kind: (\d+)%', printed)[1])
    assert share > 20  # of ten kinds


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_link_to_what_exists(notebook):
    links = re.findall(r'\]\(([^)#\s]+)', '\n'.join(cells(notebook, 'markdown')))
    assert links and all((notebook.parent / link).exists() for link in links)
    assert not any(cell.get('outputs') for cell in json.loads(notebook.read_text())['cells'])


def test_example_configs_load(tmp_path):
    found = 0
    for document in DOCUMENTS:
        for block in blocks(document, 'python'):
            text = block.replace("'../", f"'{ROOT}/configs/")
            text = re.sub(r"(?<=_base_ = \[')(?=mocov2)", f'{ROOT}/configs/mocov2/', text)
            if text == block:
                continue
            (tmp_path / 'config.py').write_text(text)
            config = Config.fromfile(tmp_path / 'config.py')
            assert config.model.backbone.space and config.train_dataloader.dataset
            found += 1
    assert found
