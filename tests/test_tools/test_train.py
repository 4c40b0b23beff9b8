"""tools/train.py and dist_train.sh, run as a user runs them."""

import itertools
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
CONFIG = 'configs/mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k.py'
TINY_CONFIG = 'configs/mocov2/mocov2_tiny10to22_bs128-coslr_scenes.py'
IN_PROCESS = [
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'default_hooks.logger.interval=1',
]


def run(*command, env=None):
    ours = dict(PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', PYTHON=sys.executable)
    env = {**os.environ, **ours, **(env or {})}
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, env=env, capture_output=True, text=True
    )


@pytest.fixture
def train(command):
    return partial(command, 'tools/train.py')


def write_images(folder, number, side):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(number):
        coarse = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f'{i}.jpg'), cv2.resize(coarse, (side, side)))


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """A folder in the layout of the quickstart's data."""
    root = tmp_path_factory.mktemp('scenes')
    write_images(root / 'sprites/train/bag', 8, 64)
    write_images(root / 'coco/train2017', 4, 128)  # the config shows each twice
    return root


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    """A folder in ImageNet's layout, with a list of some of its images."""
    root = tmp_path_factory.mktemp('imagenet')
    for name in ('n01440764', 'n01443537'):
        write_images(root / 'train' / name, 4, 256)
    (root / 'meta').mkdir()
    (root / 'meta/train_10percent.txt').write_text(
        ''.join(f'n01440764/{i}.jpg\n' for i in range(4))
    )
    return root


@pytest.fixture
def tiny(scenes, train):
    """Trains the small config: ``tiny(work_dir, *options)``."""

    def call(work_dir, *args, epochs=1, batch=8, options=()):
        settings = [*IN_PROCESS, f'train_cfg.max_epochs={epochs}', 'model.queue_len=16']
        settings += [f'train_dataloader.batch_size={batch}', 'default_hooks.checkpoint.interval=1']
        return train(
            TINY_CONFIG,
            *('--work-dir', work_dir, *args, '--cfg-options', *settings, *options),
            env=dict(GAIA_SSL_DATA=str(scenes)),
        )

    return call


def test_trains_and_resumes(tiny, tmp_path):
    done = tiny(tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'loss_min' in done.stdout and 'loss_max' in done.stdout
    first = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert int(first['state_dict']['queue_ptr']) == 0  # two batches of 8 fill a queue of 16

    done = tiny(tmp_path, '--resume', tmp_path / 'epoch_1.pth', epochs=2)
    assert done.returncode == 0, done.stderr
    assert 'Epoch(train) [2]' in done.stdout and 'Epoch(train) [1]' not in done.stdout
    second = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert second['meta']['iter'] == 4
    assert int(second['state_dict']['encoder_k.steps']) == 4


def test_resumes_from_the_newest_complete_checkpoint(tiny, tmp_path):
    tiny(tmp_path, epochs=2)
    kept = (tmp_path / 'epoch_1.pth').read_bytes()
    (tmp_path / 'epoch_2.pth').write_bytes(kept[:-1000])
    done = tiny(tmp_path, '--resume', epochs=2)
    assert done.returncode == 0, done.stderr
    assert 'Epoch(train) [2]' in done.stdout and 'Epoch(train) [1]' not in done.stdout
    written = next(tmp_path.glob('mocov2*.py')).read_text()
    assert written.count('SeededDataset') == 1


def test_amp_accumulation_and_scaled_learning_rate(tiny, tmp_path):
    options = ['optim_wrapper.accumulative_counts=2']
    done = tiny(tmp_path, '--amp', '--auto-scale-lr', options=options)
    assert done.returncode == 0, done.stderr
    assert 'Scaling the original LR by 0.0625' in done.stdout
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert 'CPUAmpOptimWrapper' in next(tmp_path.glob('*.py')).read_text()


@pytest.mark.slow
@pytest.mark.parametrize('config', [CONFIG, CONFIG.replace('in1k', 'in1k-10pct')])
def test_imagenet_config_starts_and_resumes(train, imagenet, tmp_path, config):
    options = [*IN_PROCESS, f'train_dataloader.dataset.data_root={imagenet}']
    options += ['train_dataloader.batch_size=2', 'model.queue_len=64']
    for epochs in (1, 2):
        resume = ['--resume', tmp_path / 'epoch_1.pth'] if epochs == 2 else []
        done = train(
            config,
            *('--work-dir', tmp_path, *resume, '--cfg-options', *options),
            f'train_cfg.max_epochs={epochs}',
            'train_dataloader.dataset.indices=4',
        )
        assert done.returncode == 0, done.stderr
    saved = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert saved['meta']['iter'] == 4


@pytest.mark.slow
def test_two_processes_train_and_resume(imagenet, tmp_path):
    options = [*IN_PROCESS, f'train_dataloader.dataset.data_root={imagenet}']
    options += ['train_dataloader.batch_size=2', 'model.queue_len=64']
    for epochs in (1, 2):
        resume = ['--resume', tmp_path / 'epoch_1.pth'] if epochs == 2 else []
        done = run(
            *('bash', 'tools/dist_train.sh', CONFIG, 2, '--work-dir', tmp_path, *resume),
            *('--cfg-options', *options, f'train_cfg.max_epochs={epochs}'),
            env=dict(PORT='29611'),
        )
        assert done.returncode == 0, done.stderr
    saved = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert saved['meta']['iter'] == 4  # 8 images, 2 processes, 2 each
    assert int(saved['state_dict']['queue_ptr']) == 16  # the keys of both


@pytest.mark.parametrize(
    'script, named', [('train', [CONFIG]), ('search', [CONFIG, 'checkpoint.pth'])]
)
@pytest.mark.parametrize('given', ['--work-dir', '0'])
def test_the_number_of_processes_is_forgotten(script, named, given, tmp_path):
    done = run('bash', f'tools/dist_{script}.sh', *named, given, tmp_path)
    assert refused(done, f'GPUS: {given} is not a number of processes')


def refused(done, *words):
    """The mistake cost one line on stderr that has these words, and exit code 2."""
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert last.startswith('error: ') and 'Traceback' not in done.stderr
    for word in words:
        assert str(word) in last
    return True


def test_missing_config(train, tmp_path):
    assert refused(train(tmp_path / 'none.py'), tmp_path / 'none.py', 'does not exist')


def test_broken_config(train, tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(\n')
    assert refused(train(tmp_path / 'broken.py'), 'broken.py', 'cannot be loaded')


def test_unwritable_work_dir(tiny, tmp_path):
    (tmp_path / 'file').write_text('')
    assert refused(tiny(tmp_path / 'file' / 'work'), 'work_dir: ', 'cannot be written')
    assert (tmp_path / 'file').read_text() == ''


def test_missing_data(train, tmp_path):
    done = train(
        TINY_CONFIG, '--work-dir', tmp_path / 'w', env=dict(GAIA_SSL_DATA=str(tmp_path / 'none'))
    )
    assert refused(done, 'data_root', tmp_path / 'none', 'does not exist')
    assert not (tmp_path / 'w').exists()


def test_empty_data(train, scenes, tmp_path):
    for folder in ('sprites/train', 'coco/train2017'):
        (tmp_path / folder).mkdir(parents=True)
    done = train(TINY_CONFIG, '--work-dir', tmp_path / 'w', env=dict(GAIA_SSL_DATA=str(tmp_path)))
    assert refused(done, 'no images', tmp_path)
    assert not (tmp_path / 'w').exists()


def test_files_that_are_no_images(train, scenes, tmp_path):
    shutil.copytree(scenes, tmp_path / 'data')
    for image in (tmp_path / 'data/sprites/train/bag').iterdir():
        image.rename(image.with_suffix('.txt'))
    env = dict(GAIA_SSL_DATA=str(tmp_path / 'data'))
    done = train(TINY_CONFIG, '--work-dir', tmp_path / 'w', env=env)
    assert refused(done, 'sprites/train holds no image')


def test_fewer_images_than_a_batch(tiny, tmp_path):
    done = tiny(tmp_path, batch=32)
    assert refused(done, 'train_dataloader', '16 images are fewer than one batch')
    assert not list(tmp_path.glob('*.pth'))


def test_queue_of_no_whole_number_of_batches(tiny, tmp_path):
    done = tiny(tmp_path, batch=6)
    assert refused(done, 'model.queue_len', '16 is not a multiple of 6')


def test_corrupt_image(tiny, scenes, tmp_path):
    bad = scenes / 'coco/train2017/bad.jpg'
    bad.write_bytes(b'not an image')
    try:
        assert refused(tiny(tmp_path, options=['train_dataloader.batch_size=2']), bad)
    finally:
        bad.unlink()


@pytest.mark.parametrize(
    'option, words',
    [
        ('compile=True', ['compile: ', 'remove it']),
        ('model.backbone.space=ar51', ['space', 'ar51', 'ar50to101']),
        ('model.backbone.norm_cfg.type=GN', ['norm_cfg', 'GN']),
        ('model.quue_len=8', ['model.quue_len: its settings do not fit']),
        ('param_scheduler.3.T_max=1', ['--cfg-options', 'param_scheduler.3.T_max']),
    ],
)
def test_bad_model_option(tiny, tmp_path, option, words):
    assert refused(tiny(tmp_path, options=[option]), *words)


def test_truncated_checkpoint(tiny, tmp_path):
    (tmp_path / 'cut.pth').write_bytes(b'PK\x03\x04 cut')
    done = tiny(tmp_path / 'w', '--resume', tmp_path / 'cut.pth')
    assert refused(done, tmp_path / 'cut.pth', 'truncated')
    assert not list((tmp_path / 'w').glob('*.pth'))


@pytest.mark.slow
def test_checkpoint_of_another_space(tiny, tmp_path):
    weights = dict(weight=torch.zeros(1))
    content = dict(state_dict=weights, optimizer={}, meta={}, message_hub={})
    torch.save(content, tmp_path / 'other.pth')
    done = tiny(tmp_path / 'w', '--resume', tmp_path / 'other.pth')
    assert refused(done, 'resume: ', 'other.pth', 'another model or space', '(first: weight)')
    torch.save(dict(state_dict=weights), tmp_path / 'backbone.pth')
    done = tiny(tmp_path / 'w', '--resume', tmp_path / 'backbone.pth')
    assert refused(done, 'resume: ', 'backbone.pth', 'not the checkpoint of a training')


def test_missing_checkpoint(tiny, tmp_path):
    done = tiny(tmp_path / 'w', '--resume', tmp_path / 'none.pth')
    assert refused(done, 'resume: ', 'none.pth', 'does not exist')


@pytest.fixture
def own_images(train, tmp_path):
    """Trains two iterations on a folder of one's own: ``own_images(*settings)``."""
    number = itertools.count()

    def call(*settings):
        options = ['batch_size=2', *(f'dataset.{setting}' for setting in settings)]
        options = [f'train_dataloader.{option}' for option in options]
        return train(
            'configs/byol/byol_tiny10to22_bs64-coslr-3e_cifar10.py',
            *('--work-dir', tmp_path / f'run{next(number)}'),
            *('--cfg-options', *IN_PROCESS, *options),
            *('train_cfg.max_epochs=1', f'train_dataloader.dataset.data_root={tmp_path}'),
        )

    return call


def test_what_is_typed_and_listed_is_read(own_images, tmp_path):
    """A folder with a blank in its name beside one without, and a list from another program."""
    write_images(tmp_path / 'data set', 4, 32)
    write_images(tmp_path / 'dataset', 2, 32)
    listed = '\ufeff0.jpg\r\n\r\n1.jpg \r\n2.jpg 7\r\n3.jpg,4\r\n'
    (tmp_path / 'my list.txt').write_text(listed)
    done = own_images('data_prefix=data set', 'ann_file=my list.txt')
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Epoch(train) [1][2/2]' in done.stdout

    (tmp_path / 'my list.txt').write_text('0.jpg\n\n9.jpg\n')
    done = own_images('data_prefix=data set', 'ann_file=my list.txt')
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f'error: ann_file: {tmp_path}/my list.txt, line 3: {tmp_path}/data set/9.jpg does not '
        'exist; correct the line, or set data_prefix to the folder that the paths are relative to'
    )


def test_a_full_disk_is_one_line(command, tmp_path):
    write_images(tmp_path / 'photos', 4, 32)
    done = command(
        *(Path(__file__).with_name('full_disk.py'), 300_000, 'tools/train.py'),
        'configs/byol/byol_tiny10to22_bs64-coslr-3e_cifar10.py',
        *('--work-dir', tmp_path / 'run', '--cfg-options', *IN_PROCESS, 'train_cfg.max_epochs=1'),
        *('train_dataloader.batch_size=2', f'train_dataloader.dataset.data_root={tmp_path}'),
        'train_dataloader.dataset.data_prefix=photos',
    )
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    error = f'error: {tmp_path}/run/epoch_1.pth: File too large; make room there'
    assert done.stderr.splitlines()[-1] == error
    assert not list((tmp_path / 'run').glob('*.pth*'))


def test_truncated_images_are_left_out_on_request(own_images, tmp_path):
    write_images(tmp_path / 'photos', 4, 32)
    cut = tmp_path / 'photos/2.jpg'
    cut.write_bytes(cut.read_bytes()[:-30])
    done = own_images('data_prefix=photos')
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    assert error.startswith(f'error: images: {cut} cannot be read (image file is truncated')
    assert error.endswith('such as train_dataloader.dataset.max_bad=0.01')
    done = own_images('data_prefix=photos', 'max_bad=0.25')
    assert done.returncode == 0, done.stderr[-2000:]
    assert f'3 images in {tmp_path}/photos' in done.stdout
    assert f'left out: 1 of 4 images (25%) cannot be read: {cut} (image file is' in done.stdout
    assert 'Epoch(train) [1][1/1]' in done.stdout
    done = own_images('data_prefix=photos', 'max_bad=0.1')
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith('more than max_bad, 10%: repair or remove them')


@pytest.mark.parametrize(
    'setting, message',
    [
        ('data_prefix=2017', 'data_prefix: {root}/2017 does not exist; set '),
        ('data_prefix=data set', 'data_prefix: {root}/data set does not exist; set '),
        ('data_prefix=[2017]', "data_prefix: ['2017'] is not a path; set "),
        ('ann_file=2017', 'ann_file: 2017 is not a path; set '),
    ],
)
def test_a_setting_that_is_no_path_is_one_line(own_images, tmp_path, setting, message):
    done = own_images(setting)
    assert done.returncode == 2
    place = 'error: train_dataloader.dataset.'
    assert done.stderr.splitlines()[-1].startswith(place + message.format(root=tmp_path))
