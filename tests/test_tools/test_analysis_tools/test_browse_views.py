import pytest
from PIL import Image

CONFIG = """
default_scope = 'gaia_ssl'
view = [dict(type='mmpretrain.RandomResizedCrop', scale=8)]
train_dataloader = dict(
    dataset=dict(
        type='TrainingImages',
        data_prefix={folder!r},
        pipeline=[
            dict(type='LoadAnyImage'),
            dict(type='mmpretrain.MultiView', num_views=2, transforms=[view]),
            dict(type='mmpretrain.PackInputs'),
        ],
    ),
)
"""


@pytest.fixture
def config(tmp_path):
    """Trains on two images."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(2):
        Image.new('RGB', (20, 16)).save(folder / f'{index}.png')
    (tmp_path / 'config.py').write_text(CONFIG.format(folder=str(folder)))
    return tmp_path / 'config.py'


def test_a_sheet(config, call, tmp_path):
    out = tmp_path / 'views.png'
    code, text, err = call('browse_views', config, '--out', out, '--num', 1)
    assert code == 0, err
    assert text == f'{out}\n' and out.read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--out', 'x.png', '--num', '0'], '--num: 0 images'),
        (['--out', 'x.doc'], '--out: x.doc does not end in'),
        (
            ['--out', 'x.png', '--cfg-options', 'train_dataloader.dataset.data_prefix=nowhere'],
            'train_dataloader.dataset.data_prefix: nowhere does not exist',
        ),
    ],
)
def test_mistakes(config, call, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = call('browse_views', config, *arguments)
    assert code == 2 and out == ''
    assert message in err and err.count('\n') == 1 and not (tmp_path / 'x.png').exists()
