import numpy as np
import pytest
import torch
from PIL import Image

from gaia_ssl.engine import KNNHook
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.utils import UserError


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Dark and bright images."""
    root = tmp_path_factory.mktemp('brightness')
    rng = np.random.default_rng(0)
    for part in ('train', 'val'):
        for name, low in dict(dark=0, bright=100).items():
            (root / part / name).mkdir(parents=True)
            for i in range(6):
                image = rng.integers(low, low + 150, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(image).save(root / part / name / f'{i}.png')
    return dict(train=str(root / 'train'), val=str(root / 'val'), num_workers=0)


def hook(folders, **options):
    return dict(dict(type='KNNHook', interval=1, **folders), **options)


def test_logs_what_the_extracted_subnets_reach(training, folders):
    runner = training.runner(training.dir, [hook(folders, archs=['MAX', 'MIN'], k=4)])
    runner.train()
    hub, backbone = runner.message_hub, runner.model.backbone
    log = next(training.dir.glob('*/*.log')).read_text()
    nets = {name.lower(): backbone.extract(name) for name in ('MAX', 'MIN')}
    expected = FolderProbes(runner.cfg, k=4, **folders)(nets)
    for label, top1 in expected.items():
        for kind, value in top1._asdict().items():
            history = hub.get_scalar(f'val/{kind}_{label}').data[0]
            assert len(history) == 2 and history[-1] == value
        line = f'top-1 of {label}: kNN {top1.knn:.2f} %, linear probe {top1.linear:.2f} %; always'
        assert f'{line} the largest class: 50.00 %' in log
    scalars = next(training.dir.glob('*/vis_data/scalars.json')).read_text()
    assert scalars.count('val/knn_max') == 2  # the last epoch's as well


@pytest.mark.parametrize(
    'options, times',
    [
        (dict(interval=2), 2),  # of three epochs the second and the last
        (dict(interval=4, by_epoch=False), 3),  # of nine iterations 4, 8 and the last
    ],
)
def test_evaluates_at_intervals_and_at_the_end(training, folders, options, times):
    runner = training.runner(training.dir, [hook(folders, **options)], epochs=3)
    runner.train()
    assert len(runner.message_hub.get_scalar('val/knn_min').data[0]) == times


def test_training_is_the_same_with_the_hook(training, folders):
    weights = []
    for name, hooks in dict(without=[], with_=[hook(folders)]).items():
        runner = training.runner(training.dir / name, hooks)
        runner.train()
        weights.append(dict(runner.model.state_dict(), generator=torch.get_rng_state()))
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key


def test_looks_at_its_settings_before_training(training, folders):
    runner = training.runner(training.dir, [hook(folders, archs=['R50'])])
    with pytest.raises(UserError, match="'R50' is not an anchor"):
        runner.train()
    assert runner.iter == 0
    runner = training.runner(training.dir / 'other', [hook(folders, neighbors=3)])
    with pytest.raises(UserError, match="KNNHook: its settings do not fit .*'neighbors'"):
        runner.train()


def test_refuses_no_interval(folders):
    with pytest.raises(UserError, match='KNNHook.interval: 0'):
        KNNHook(interval=0, **folders)
