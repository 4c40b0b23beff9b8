"""Curves of a training."""

import json

import pytest
from PIL import Image

from gaia_ssl.utils import UserError
from gaia_ssl.visualization import curves
from gaia_ssl.visualization.curves import plot_training


@pytest.fixture
def work_dir(tmp_path):
    """The folder of a training of two runs; the second resumed before the end of the first."""
    runs = {
        '20250101_000000': [dict(loss=9.0, loss_max=5.0, lr=1, step=50), dict(loss=8.0, step=100)],
        '20250102_000000': [
            dict(embed_std_max=0.5, embed_rank_max=4.0, step=90),
            dict(loss=7.0, loss_max=4.0, lr=1, step=100),
            {'val/knn_max': 40.0, 'step': 110},
            {'val/linear_max': 45.0, 'step': 110},
        ],
    }
    for run, lines in runs.items():
        path = tmp_path / 'training' / run / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return tmp_path / 'training'


def test_panels_and_curves(work_dir, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(curves, 'save_figure', lambda figure, path: saved.append(figure))
    plot_training(work_dir, str(tmp_path / 'training.png'))
    found = {
        axes.get_title(loc='left'): {
            line.get_label(): list(zip(*line.get_data())) for line in axes.lines
        }
        for axes in saved[0].axes
    }
    assert found == {
        'loss': dict(loss=[(50, 9), (100, 7)], loss_max=[(50, 5), (100, 4)]),
        'spread of embeddings': dict(embed_std_max=[(90, 0.5)]),
        'effective rank of embeddings': dict(embed_rank_max=[(90, 4)]),
        'top-1 (%)': dict(knn_max=[(110, 40)], linear_max=[(110, 45)]),
    }


def test_a_training_without_health_and_knn(work_dir, tmp_path):
    for path in work_dir.glob('20250102*/vis_data/scalars.json'):
        path.unlink()
    out = tmp_path / 'new' / 'training.png'
    plot_training(str(work_dir), str(out))
    with Image.open(out) as image:
        assert image.format == 'PNG' and image.width < 1000  # one panel


def test_mistakes(work_dir, tmp_path):
    with pytest.raises(UserError, match='^work_dir: .*nowhere has no log'):
        plot_training(tmp_path / 'nowhere', str(tmp_path / 'a.png'))
    with pytest.raises(UserError, match='^out: a.doc does not end'):
        plot_training(work_dir, 'a.doc')
