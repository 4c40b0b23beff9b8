import hashlib
import io
import os
import struct
import tempfile
import threading
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from gaia_ssl.datasets import decoding
from gaia_ssl.datasets.decoding import MAX_ASPECT, UnreadableImage, image_digest, read_image
from gaia_ssl.utils import UserError

RNG = np.random.default_rng(0)
COLOUR = Image.fromarray(RNG.integers(0, 256, (12, 9, 4), dtype=np.uint8))
DEEP = RNG.integers(0, 1 << 16, (12, 9), dtype=np.uint16)
PNGS = {mode: COLOUR.convert(mode) for mode in ('1', 'L', 'LA', 'P', 'RGB', 'RGBA')}
PNGS['I;16'] = Image.fromarray(DEEP)


@pytest.mark.parametrize('mode', PNGS)
def test_every_kind_as_opencv_reads_it(tmp_path, mode):
    path = str(tmp_path / 'a.png')
    PNGS[mode].save(path)
    image, _ = read_image(path)
    assert np.array_equal(np.array(image), cv2.imread(path)[..., ::-1])


def test_palette_with_transparency(tmp_path, recwarn):
    path = str(tmp_path / 'a.png')
    COLOUR.convert('RGB').convert('P').save(path, transparency=bytes(range(256)))
    assert np.array_equal(np.array(read_image(path)[0]), cv2.imread(path)[..., ::-1])
    assert not recwarn


@pytest.mark.parametrize('extension', ['png', 'tif', 'pgm'])
def test_16_bits(tmp_path, extension):
    path = str(tmp_path / f'a.{extension}')
    cv2.imwrite(path, DEEP)
    expected = np.repeat((DEEP // 256)[..., None], 3, -1)
    assert np.array_equal(np.array(read_image(path)[0]), expected)


@pytest.mark.parametrize('highest', [4095, 1 << 14])
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
@pytest.mark.parametrize('extension', ['png', 'tif', 'pnm'])
def test_12_bits_in_16_are_warned_of_once(tmp_path, monkeypatch, highest, channels, extension):
    monkeypatch.setattr(decoding, '_narrow_seen', threading.Event())
    path = str(tmp_path / f'a.{extension}')
    pixels = np.full((12, 9, *channels), highest, np.uint16)
    cv2.imwrite(path, pixels[..., :3] if extension == 'pnm' and channels else pixels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        read_image(path)
        read_image(path)
    texts = [str(warning.message) for warning in caught if warning.category is UserWarning]
    assert len(texts) == (highest == 4095)
    if texts:
        assert texts[0].startswith(f'images: {path} has 16 bits, but no value above')
        assert texts[0].endswith('scale the values of such images to the whole range')


def test_8_bits_are_not_warned_of(tmp_path, recwarn):
    for kind in ('png', 'tif', 'ppm', 'jpg', 'webp', 'bmp'):
        Image.new('RGB', (8, 8)).save(tmp_path / f'a.{kind}')
        read_image(str(tmp_path / f'a.{kind}'))
    assert not recwarn.list


def test_cmyk(tmp_path):
    path = str(tmp_path / 'a.jpg')
    COLOUR.convert('RGB').resize((64, 64)).convert('CMYK').save(path)
    image = np.array(read_image(path)[0]).astype(int)
    assert np.abs(image - cv2.imread(path)[..., ::-1]).max() <= 1


def test_orientation(tmp_path):
    path = str(tmp_path / 'a.jpg')
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    COLOUR.convert('RGB').resize((64, 32)).save(path, exif=exif)
    image, _ = read_image(path)
    assert image.size == (32, 64)
    expected = np.rot90(np.array(Image.open(path)), -1)
    assert np.array_equal(np.array(image), expected)


def test_shrinking_a_jpeg(tmp_path, save):
    save(tmp_path / 'a.jpg', (400, 300))
    image, content = read_image(str(tmp_path / 'a.jpg'), shrink=8)
    assert image.size == (50, 38) and content == (tmp_path / 'a.jpg').read_bytes()


@pytest.mark.parametrize('size', [(1, 1), (1, 3), (1, MAX_ASPECT)])
def test_the_smallest_images_have_a_digest(tmp_path, save, size):
    for name in ('a.jpg', 'a.png'):
        save(tmp_path / name, size)
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert image_digest(str(tmp_path / name)) == digest


@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.webp', 'a.bmp', 'a.tif', 'a.ppm'])
def test_an_image_must_be_whole(tmp_path, save, name):
    path = tmp_path / name
    save(path, (400, 300))
    assert image_digest(str(path)) == hashlib.sha256(path.read_bytes()).hexdigest()
    content = path.read_bytes()
    for kept in (len(content) * 9 // 10, len(content) // 2, 30):
        path.write_bytes(content[:kept])
        with pytest.raises(UserError, match=f'{name} cannot be read') as caught:
            image_digest(str(path))
        assert '\n' not in str(caught.value)


def test_the_extension_does_not_matter(tmp_path, save):
    save(tmp_path / 'a.png')
    (tmp_path / 'a.png').rename(tmp_path / 'a.jpg')
    assert read_image(str(tmp_path / 'a.jpg'))[0].size == (40, 30)


def png_of(side):
    """A PNG that ends where its pixels begin."""
    header = b'IHDR' + struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    chunk = struct.pack('>I', 13) + header + struct.pack('>I', zlib.crc32(header))
    return b'\x89PNG\r\n\x1a\n' + chunk + struct.pack('>I', 1 << 20) + b'IDAT'


def saved(image, kind):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


CONTENTS = dict(
    empty=(b'', 'empty file'),
    text=(b'text', 'not an image'),
    html=(b'<!DOCTYPE html><html>404</html>', 'not an image'),
    bomb=(png_of(50_000), 'decompression bomb'),
    scan=(png_of(14_000), 'image file is truncated'),  # its size is fine
    strip=(saved(Image.new('RGB', (1, MAX_ASPECT + 1)), 'PNG'), f'a strip of 1x{MAX_ASPECT + 1}'),
    floats=(saved(Image.new('F', (4, 4)), 'TIFF'), 'pixels without a fixed range'),
    ints=(saved(Image.new('I', (4, 4)), 'TIFF'), 'pixels without a fixed range'),
)


@pytest.mark.parametrize('content, reason', CONTENTS.values(), ids=CONTENTS)
def test_what_is_no_image_to_search_on(tmp_path, content, reason):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match='a.jpg cannot be read .*; repair or') as caught:
        image_digest(str(path))
    assert reason in caught.value.reason and '\n' not in str(caught.value)


def test_what_is_no_file(tmp_path):
    (tmp_path / 'folder.jpg').mkdir()
    (tmp_path / 'gone.jpg').symlink_to('nowhere')
    (tmp_path / 'loop.jpg').symlink_to('loop.jpg')
    os.mkfifo(tmp_path / 'pipe.jpg')
    for name, reason in {
        'folder': 'not a file',
        'gone': 'No such file or directory',
        'loop': 'Too many levels of symbolic links',
        'pipe': 'not a file',
        'nowhere': 'No such file or directory',
    }.items():
        with pytest.raises(UnreadableImage) as caught:
            read_image(str(tmp_path / f'{name}.jpg'))
        assert caught.value.reason == reason


def test_a_forbidden_file():
    with tempfile.TemporaryDirectory() as folder:  # not below a folder of the user alone
        os.chmod(folder, 0o755)
        path = os.path.join(folder, 'a.png')
        COLOUR.save(path)
        os.chmod(path, 0)
        user = os.geteuid()
        if user == 0:  # who may read everything
            os.seteuid(65534)
        try:
            with pytest.raises(UnreadableImage, match=r'\(Permission denied\)'):
                read_image(path)
        finally:
            os.seteuid(user)
