"""Kill trainings at random moments, resume them, and compare bit by bit with one left alone.

MoCo v2, BYOL and the distillation of a frozen teacher train a tiny supernet on a few dozen images
by tools/train.py, by epoch and by iteration, loading in the process itself and in persistent
workers. Each is trained once without interruption, then killed (SIGKILL, its workers with it) and
resumed until it is done. Some kills come at a random moment of the training, others as soon as a
checkpoint's temporary file is seen. The last checkpoints must agree in weights, buffers, optimizer
and schedules.

Each training is a process forked from this one, which has imported the libraries: a start takes a
second or two instead of many. Exit code 1 says that a result differs.
"""

import argparse
import copy
import itertools
import json
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config

import gaia_ssl.engine.train
import gaia_ssl.models.selfsup  # noqa: F401 - imported once, before any fork
from gaia_ssl.datasets.synthetic.idx import read_idx
from gaia_ssl.registry import MODELS
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.files import atomic_write
from gaia_ssl.utils.paths import ROOT, last_checkpoint

TRAIN = ROOT / 'tools' / 'train.py'
IMAGES = ROOT / 'tools' / 'quickstart' / 'fashion_mnist' / 't10k-images-idx3-ubyte.gz'
BASE = ROOT / 'configs' / 'mocov2' / 'mocov2_tiny10to22_bs128-coslr_scenes.py'

NUM_IMAGES, BATCH, ITERATIONS = 40, 8, 15  # three epochs
COMPARED = ('state_dict', 'optimizer', 'param_schedulers')

TEACHER = dict(type='mmpretrain.ResNet', depth=18, stem_channels=8, base_channels=8)
NECK = dict(type='mmpretrain.NonLinearNeck', hid_channels=32, out_channels=16, num_layers=2)
METHODS = dict(
    mocov2=dict(queue_len=32, feat_dim=16, neck=dict(out_channels=16)),
    byol=dict(
        _delete_=True,
        type='DynamicBYOL',
        base_momentum=0.01,
        backbone=dict(type='DynamicResNet', space='tiny10to22'),
        neck=dict(in_channels=128, with_avg_pool=True, **NECK),
        head=dict(
            type='mmpretrain.LatentPredictHead',
            loss=dict(type='mmpretrain.CosineSimilarityLoss'),
            predictor=dict(in_channels=16, with_avg_pool=False, **NECK),
        ),
    ),
    distill=dict(
        _delete_=True,
        type='DynamicDistill',
        backbone=dict(type='DynamicResNet', space='tiny10to22'),
        neck=dict(in_channels=128, with_avg_pool=True, **NECK),
        head=dict(type='DistanceHead', losses=dict(global_cosine={}, global_relation={})),
        teacher=TEACHER,
        components=16,
        queue_len=32,
    ),
)


class Cell(NamedTuple):
    """One kind of training."""

    method: str
    loop: str
    workers: int

    def __str__(self) -> str:
        return f'{self.method}, by {self.loop}, {self.workers} workers'


CELLS = [Cell(*cell) for cell in itertools.product(METHODS, ('epoch', 'iteration'), (0, 2))]


def write_images(folder: Path) -> None:
    """Write some of the garments of Fashion-MNIST as images of 64 px."""
    folder.mkdir(parents=True)
    for index, image in enumerate(read_idx(IMAGES)[:NUM_IMAGES]):
        cv2.imwrite(str(folder / f'{index}.png'), cv2.resize(image, (64, 64)))


def write_teacher(file: Path) -> None:
    """Write random weights of a teacher."""
    torch.save(MODELS.build(TEACHER).state_dict(), file)


def write_config(cell: Cell, images: Path, path: Path) -> None:
    """Write the training config of a cell: the small config's pipeline, shorter in all else."""
    by_epoch = cell.loop == 'epoch'
    config = Config.fromfile(BASE)
    dataset = config.train_dataloader.dataset.datasets[0]
    dataset.update(data_root=str(images.parent), data_prefix=images.name)
    dataset.pipeline[1].transforms[0][0].scale = 32
    config.merge_from_dict(dict(model=copy.deepcopy(METHODS[cell.method])))
    if 'teacher' in config.model:
        file = images.with_name('teacher.pth')
        config.model.teacher.init_cfg = dict(type='Pretrained', checkpoint=str(file))
    loader = config.train_dataloader
    loader.batch_size, loader.num_workers = BATCH, cell.workers
    loader.persistent_workers = cell.workers > 0
    loader.sampler = dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=True)
    loader.dataset = dataset
    epochs = ITERATIONS * BATCH // NUM_IMAGES
    config.train_cfg = (
        dict(type='EpochBasedTrainLoop', max_epochs=epochs)
        if by_epoch
        else dict(type='IterBasedTrainLoop', max_iters=ITERATIONS)
    )
    config.param_scheduler = [dict(type='CosineAnnealingLR', T_max=ITERATIONS, by_epoch=False)]
    config.default_hooks.logger.interval = 1
    # by iteration the checkpoints fall into the middle of epochs
    config.default_hooks.checkpoint.update(
        by_epoch=by_epoch, interval=1 if by_epoch else 4, max_keep_ckpts=2
    )
    config.dump(str(path))


class Training:
    """A training by tools/train.py in a process group of its own; it resumes if it can."""

    def __init__(self, config: Path, work_dir: Path) -> None:
        self.work_dir = work_dir
        self.log = work_dir.with_suffix('.log')
        self.status: int | None = None
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._run(config)
        try:
            os.setpgid(self.pid, self.pid)
        except PermissionError:
            pass  # the child has done so itself

    def _run(self, config: Path) -> None:
        status = 1
        os.setpgid(0, 0)
        log = open(self.log, 'w', buffering=1)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        # who forks it, pytest for one, may have put others in their place
        sys.stdout = sys.stderr = log
        try:
            sys.argv = [str(TRAIN), str(config), '--work-dir', str(self.work_dir), '--resume']
            runpy.run_path(str(TRAIN), run_name='__main__')
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            log.flush()
            os._exit(status)

    def done(self) -> bool:
        """Tell if it has ended.

        Raises:
            RuntimeError: If it has failed.
        """
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        if self.status:
            raise RuntimeError(
                f'a training failed ({self.status}):\n{self.log.read_text()[-2000:]}'
            )
        return self.status == 0

    def iterations(self) -> int:
        """The iterations that this process has trained."""
        return self.log.read_text().count('(train)') if self.log.exists() else 0

    def drafts(self) -> list[Path]:
        """The checkpoints that are being written."""
        return list(self.work_dir.glob('*.pth.tmp*'))

    def kill(self) -> bool:
        """Kill it and its workers; whether a checkpoint was being written."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return bool(self.drafts())

    def wait(self) -> None:
        """Wait until it has ended."""
        while not self.done():
            time.sleep(0.05)


def wait_for(training: Training, aimed: bool, rng: random.Random) -> bool:
    """Wait for the moment of a kill; whether it came before the training's end.

    Args:
        training: What is to be killed.
        aimed: Wait for a checkpoint that is being written, else for a random moment.
        rng: Draws the moment.
    """
    # any iteration may be the last, or none; and somewhere in the next
    after, pause = rng.randrange(ITERATIONS), rng.uniform(0, 0.3)
    while not training.done():
        if training.drafts() if aimed else training.iterations() >= after:
            time.sleep(0 if aimed else pause)
            return not training.done()
        time.sleep(0.0005 if aimed else 0.01)
    return False


def final_state(work_dir: Path) -> dict[str, Any]:
    """The parts of a training's last checkpoint that must be equal."""
    content = load_checkpoint(str(last_checkpoint(work_dir)))
    return {part: content[part] for part in COMPARED}


def unequal_parts(first: Any, second: Any, name: str = '') -> Iterator[str]:
    """The places where two nested states differ, to the bit."""
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            yield f'{name}: keys'
        for key in first.keys() & second.keys():
            yield from unequal_parts(first[key], second[key], f'{name}.{key}')
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        if len(first) != len(second):
            yield f'{name}: length'
        for index, pair in enumerate(zip(first, second)):
            yield from unequal_parts(*pair, f'{name}.{index}')
    elif isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        if first.dtype != second.dtype or not np.array_equal(_bytes(first), _bytes(second)):
            yield name
    elif first != second:
        yield name


def _bytes(tensor: torch.Tensor) -> np.ndarray:
    return np.frombuffer(tensor.contiguous().numpy().tobytes(), np.uint8)


def run_cell(cell: Cell, kills: int, work_dir: Path, images: Path, rng: random.Random) -> dict:
    """Train a cell once alone, then kill and resume until ``kills`` kills are spent.

    A training that ends early is compared and another one started.

    Returns:
        The kills, those of them while a checkpoint was written, the trainings compared, and where
        they differ.
    """
    work_dir.mkdir(parents=True)
    config = work_dir / 'config.py'
    write_config(cell, images, config)
    alone = work_dir / 'alone'
    Training(config, alone).wait()
    expected = final_state(alone)
    result = dict(kills=0, kills_in_checkpoint=0, trainings=0, differ=[])
    while result['kills'] < kills:
        killed = work_dir / 'killed'
        shutil.rmtree(killed, ignore_errors=True)
        training = Training(config, killed)
        while result['kills'] < kills:
            # the last are aimed at checkpoints, until one has hit
            aimed = result['kills'] >= kills // 2 and not result['kills_in_checkpoint']
            if not wait_for(training, aimed, rng):
                break
            result['kills_in_checkpoint'] += training.kill()
            result['kills'] += 1
            training = Training(config, killed)
        training.wait()
        result['trainings'] += 1
        result['differ'] += unequal_parts(expected, final_state(killed))
        if leftovers := [path.name for path in killed.glob('*.tmp*')]:
            result['differ'].append(f'left over: {leftovers}')
    return result


def table(rows: dict[Cell, dict]) -> str:
    """The results as text, a line for each cell and the sum."""
    lines = [f'{"training":34} {"kills":>5} {"saving":>6}  result']
    for cell, row in rows.items():
        verdict = f'{len(row["differ"])} differ ({row["differ"][0]})' if row['differ'] else 'equal'
        lines.append(f'{cell!s:34} {row["kills"]:5} {row["kills_in_checkpoint"]:6}  {verdict}')
    kills, saving = (sum(row[key] for row in rows.values()) for key in FIGURES)
    lines.append(f'{"all":34} {kills:5} {saving:6}')
    return '\n'.join(lines)


FIGURES = ('kills', 'kills_in_checkpoint')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--kills', type=int, default=24, help='of all trainings (default: %(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the moments (default: %(default)s)')
    parser.add_argument(
        '--cells',
        nargs='+',
        type=int,
        choices=range(len(CELLS)),
        default=range(len(CELLS)),
        metavar='N',
        help='only these: ' + '; '.join(f'{index} {cell}' for index, cell in enumerate(CELLS)),
    )
    parser.add_argument('--json', type=Path, help='write the result to this file as well')
    args = parser.parse_args()
    if args.kills < len(args.cells):
        parser.error(f'--kills must be at least 1 for each of {len(args.cells)} trainings')
    return args


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    os.environ['OMP_NUM_THREADS'] = '1'
    os.chdir(ROOT)
    rng = random.Random(args.seed)
    rows = {}
    with tempfile.TemporaryDirectory(prefix='kill_resume_') as folder:
        images = Path(folder) / 'images'
        write_images(images)
        write_teacher(images.with_name('teacher.pth'))
        for position, index in enumerate(args.cells):
            # as even as they go
            kills = (args.kills * (position + 1)) // len(args.cells)
            kills -= (args.kills * position) // len(args.cells)
            begin = time.monotonic()
            rows[CELLS[index]] = run_cell(
                CELLS[index], kills, Path(folder) / str(index), images, rng
            )
            rows[CELLS[index]]['seconds'] = round(time.monotonic() - begin, 1)
            print(f'{CELLS[index]}: {rows[CELLS[index]]}', file=sys.stderr, flush=True)
    print(table(rows))
    if args.json:
        content = [dict(cell._asdict(), **row) for cell, row in rows.items()]
        with atomic_write(str(args.json)) as file:
            file.write(json.dumps(dict(cells=content), indent=2) + '\n')
    sys.exit(any(row['differ'] for row in rows.values()))


if __name__ == '__main__':
    main()
