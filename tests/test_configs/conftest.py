"""Twenty photographs of COCO in the formats of the benchmarks' datasets, and options to use them.

Options are those of ``--cfg-options``: where the data are, and one size of images, one number of
iterations for all. A config says by the end of its name which dataset it is for.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
CONVERTERS = ROOT / 'tools' / 'dataset_converters'
SIZES = ('scale', 'scales', 'crop_size')
SPLITS = ('train', 'val', 'test')

COCO = [
    *(f'{split}_dataloader.dataset.data_root={{}}/coco/' for split in SPLITS),
    *(
        f'{split}_evaluator.ann_file={{}}/coco/annotations/instances_val2017.json'
        for split in SPLITS[1:]
    ),
    # two iterations
    'train_dataloader.dataset.indices=4',
]
# where the photographs are, by dataset
DATASETS = {
    'coco': COCO,
    'voc0712': [
        *(
            f'train_dataloader.dataset.datasets.{index}.data_root={{}}/VOCdevkit/'
            for index in (0, 1)
        ),
        *(f'{split}_dataloader.dataset.data_root={{}}/VOCdevkit/' for split in SPLITS[1:]),
    ],
    'ade20k': [f'{split}_dataloader.dataset.data_root={{}}/ade' for split in SPLITS],
    'cityscapes': [f'{split}_dataloader.dataset.data_root={{}}/cityscapes' for split in SPLITS],
    'voc12aug': [
        *(
            f'train_dataloader.dataset.datasets.{i}.data_root={{}}/VOCdevkit/VOC2012'
            for i in (0, 1)
        ),
        *(f'{split}_dataloader.dataset.data_root={{}}/VOCdevkit/VOC2012' for split in SPLITS[1:]),
    ],
    'in1k': [
        *(f'{split}_dataloader.dataset.data_root={{}}/imagenet' for split in SPLITS),
        # a hundredth of the images, in two iterations
        *(f'{split}_dataloader.dataset.indices=10' for split in SPLITS),
        'train_dataloader.batch_size=5',
    ],
    'folders': [
        *(f'{split}_dataloader.dataset.data_root={{}}/folders' for split in SPLITS),
        'train_dataloader.batch_size=8',
    ],
    'places205': [
        *(f'{split}_dataloader.dataset.data_root={{}}/Places205' for split in SPLITS),
        'train_dataloader.batch_size=8',
    ],
    **{
        name.lower(): [
            *(f'{split}_dataloader.dataset.data_root={{}}/{name.lower()}' for split in SPLITS),
            *(f'{split}_dataloader.dataset.type=any_cifar.{name}' for split in SPLITS),
        ]
        for name in ('CIFAR10', 'CIFAR100')
    },
}


@pytest.fixture(scope='session')
def photographs(tmp_path_factory):
    """The folder of the photographs, in every format."""
    folder = tmp_path_factory.mktemp('coco20')
    command = [sys.executable, CONVERTERS / 'coco20.py', '--out', folder]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f'the photographs cannot be fetched: {done.stderr.strip()[-200:]}')
    subprocess.run(
        [sys.executable, Path(__file__).with_name('coco20_layouts.py'), folder],
        check=True,
        cwd=ROOT,
    )
    return folder


@pytest.fixture(scope='session')
def reduced(photographs):
    """Make the options with which a config trains two iterations and evaluates, all small."""

    def make(config: Config, dataset: str) -> list[str]:
        return [
            *(option.format(photographs) for option in DATASETS[dataset]),
            *_schedule(config),
            *(f'{key}={_text(value)}' for key, value in _sizes(config)),
            *(f'{split}_dataloader.num_workers=0' for split in SPLITS),
            *(f'{split}_dataloader.persistent_workers=False' for split in SPLITS),
            'default_hooks.logger.interval=1',
        ]

    return make


def _schedule(config):
    if 'max_epochs' in config.train_cfg:
        return ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    return [
        'train_cfg.max_iters=2',
        'train_cfg.val_interval=2',
        'default_hooks.checkpoint.interval=2',
    ]


def _sizes(config):
    """The sizes of images in pipelines, and of batches in segmentation, reduced."""
    # queries are chosen among the cells of all levels, which must be as many
    factor = 2 if 'num_queries' in config.model else 8
    for split in SPLITS:
        field = f'{split}_dataloader.dataset'
        for key, size in _pixels(config[f'{split}_dataloader'].dataset, field):
            yield key, _reduce(size, factor)
    if size := config.model.get('data_preprocessor', {}).get('size'):
        yield 'model.data_preprocessor.size', _reduce(size, factor)


def _pixels(node, key):
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in items:
        if name in SIZES:
            yield f'{key}.{name}', value
        elif isinstance(value, (dict, list)):
            yield from _pixels(value, f'{key}.{name}')


def _reduce(size, factor):
    if isinstance(size, int):
        return size // factor
    return type(size)(_reduce(side, factor) for side in size)


def _text(value):
    return str(value).replace(' ', '')
