import pytest
from PIL import Image


@pytest.fixture(scope='module')
def subnet(extracted):
    """An extracted folder."""
    return extracted()


@pytest.fixture
def images(tmp_path):
    """A folder of four images."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(4):
        Image.new('RGB', (40, 30), (60 * index, 9, 9)).save(folder / f'{index}.png')
    return folder


def test_a_picture(subnet, images, call, tmp_path):
    out = tmp_path / 'neighbours.png'
    arguments = ['--images', images, '--out', out, '--num', 2, '--neighbours', 1]
    code, text, err = call('nearest_neighbours', subnet, *arguments)
    assert code == 0, err
    assert text.splitlines()[-1] == str(out) and out.read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    'options, message',
    [
        (['--num', '0'], '--num: 0 is too few'),
        (['--neighbours', '0'], '--neighbours: 0 is too few'),
        (['--num-images', '0'], '--num-images: 0 is too few'),
        (['--num-images', '1'], '--images: one alone has no neighbour'),
        (['--out', 'a.doc'], '--out: a.doc does not end in'),
        (['--images', 'nowhere'], '--images: nowhere is not a folder'),
    ],
)
def test_mistakes(subnet, images, call, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(
        'nearest_neighbours', subnet, '--images', images, '--out', 'x.png', *options
    )
    assert code == 2 and message in err and err.count('\n') == 1
    assert not (tmp_path / 'x.png').exists()


def test_no_subnet(images, call, tmp_path):
    out = tmp_path / 'x.png'
    code, _, err = call('nearest_neighbours', tmp_path, '--images', images, '--out', out)
    assert code == 2 and str(tmp_path) in err and err.count('\n') == 1
