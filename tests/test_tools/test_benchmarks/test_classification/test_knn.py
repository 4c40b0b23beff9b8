import json

import numpy as np
import pytest
from PIL import Image

from gaia_ssl.apis import load_subnet, pretraining_config
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.export.calibrate import CALIBRATION_IMAGES
from gaia_ssl.utils import UserError


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Folders of dark and of light noise."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    for split, number in dict(train=8, val=4).items():
        for name, least in dict(dark=0, light=90).items():
            (root / split / name).mkdir(parents=True)
            for index in range(number):
                pixels = rng.integers(least, least + 140, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f'{index}.png')
    return root


@pytest.mark.parametrize('calibrate', [False, True])
def test_is_the_knn_of_the_folder(tmp_path, capsys, run_tool, subnet, data, calibrate):
    folders = dict(train=str(data / 'train'), val=str(data / 'val'))
    options = ['--train', folders['train'], '--val', folders['val'], '-k', 3, '--num-workers', 0]
    run_tool('knn', subnet, *options, '--work-dir', tmp_path, *['--calibrate'] * calibrate)
    result = json.loads((tmp_path / 'knn.json').read_text())
    expected = FolderProbes(
        pretraining_config(subnet),
        **folders,
        k=3,
        num_workers=0,
        calibration=CALIBRATION_IMAGES * calibrate,
    )(dict(r18=load_subnet(subnet)))
    for kind, top1 in expected['r18']._asdict().items():
        assert result[f'{kind}_top1'] == pytest.approx(top1, abs=1e-3)
    assert result['meta']['subnet'] == subnet and result['meta']['input_size'] == 64
    assert result['meta']['calibration_images'] == 16 * calibrate
    assert f'kNN top-1: {expected["r18"].knn:.2f} %, linear' in capsys.readouterr().out


def test_a_mistake_writes_nothing(tmp_path, run_tool, data):
    with pytest.raises(UserError, match='subnet: .* holds no backbone.pth'):
        run_tool(
            'knn',
            *(data, '--train', data / 'train', '--val', data / 'val'),
            *('--work-dir', tmp_path / 'out'),
        )
    assert not (tmp_path / 'out').exists()
