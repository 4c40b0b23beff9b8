"""Features of images by an extracted folder."""

import cv2
import numpy as np
import pytest
import torch
from mmengine import registry as root
from PIL import Image

from gaia_ssl.apis import FeatureInferencer, extract_features, load_subnet
from gaia_ssl.utils import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
JPEG = cv2.imencode('.jpg', PIXELS)[1].tobytes()


@pytest.fixture(scope='module')
def inferencer(folder):
    return FeatureInferencer(folder, device='cpu')


def plain(folder, path):
    """The maps of an image, (C_i, H_i, W_i), computed by hand."""
    image = Image.open(path)
    scale = 73 / min(image.size)  # 64 * 256 / 224
    image = image.resize([int(side * scale) for side in image.size], Image.BILINEAR)
    left, top = (round((side - 64) / 2) for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + 64, top + 64)), np.float32)
    pixels = (pixels - np.float32([120, 110, 100])) / np.float32([60, 50, 55])
    with torch.no_grad():
        outs = load_subnet(folder)(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    return [out[0] for out in outs]


def test_equals_a_plain_computation(folder, images, inferencer):
    paths = sorted(images.glob('*.png'))
    vectors = inferencer(paths)['predictions']
    maps = inferencer(paths, pool=False, batch_size=2)['predictions']
    for path, vector, stages in zip(paths, vectors, maps, strict=True):
        expected = plain(folder, path)
        torch.testing.assert_close(vector, expected[-1].mean((1, 2)), rtol=1e-4, atol=1e-5)
        for stage, own in zip(stages, expected, strict=True):
            torch.testing.assert_close(stage, own, rtol=1e-4, atol=1e-4)


def test_takes_paths_arrays_lists_and_folders(folder, images, inferencer):
    paths = sorted(map(str, images.glob('*.png')))
    expected = torch.stack(inferencer(paths)['predictions'])
    arrays = [cv2.imread(path) for path in paths]
    for given in (arrays, images, str(images)):
        assert torch.equal(torch.stack(inferencer(given)['predictions']), expected)
    for given in (paths[1], arrays[1], Image.open(paths[1])):
        [vector] = inferencer(given)['predictions']
        assert torch.equal(vector, expected[1])
    opened = [Image.open(path) for path in paths]
    for given in (iter(paths), tuple(arrays), opened, (path for path in paths)):
        assert torch.equal(torch.stack(inferencer(given)['predictions']), expected)
    found = extract_features(folder, images, device='cpu')
    torch.testing.assert_close(found, expected)  # in one batch


def test_other_sizes_and_stages(folder, images):
    inferencer = FeatureInferencer(folder, device='cpu', input_size=96, out_indices=(1, 2))
    [(fine, coarse)] = inferencer(images / '0.png', pool=False)['predictions']
    assert fine.shape[1:] == (12, 12) and coarse.shape[1:] == (6, 6)
    [sample] = inferencer(images / '0.png', return_datasamples=True)['predictions']
    assert sample.features.shape == (coarse.size(0),)


def test_is_found_by_its_name(folder):
    options = dict(type='gaia_ssl.FeatureInferencer', folder=folder, device='cpu')
    assert type(root.INFERENCERS.build(options)) is FeatureInferencer


@pytest.mark.parametrize('mode', ['L', 'P', 'RGBA', 'CMYK', '1', 'I;16'])
def test_images_of_pillow_are_read_as_their_files(inferencer, images, tmp_path, mode):
    image = Image.open(images / '0.png')
    image = image.convert(mode if mode != 'I;16' else 'L')
    if mode == 'I;16':
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 256)
    exif = image.getexif()
    exif[0x0112] = 6  # lies on its side
    image.save(tmp_path / 'a.tif', exif=exif)
    expected = inferencer(tmp_path / 'a.tif')['predictions'][0]
    assert torch.equal(inferencer(Image.open(tmp_path / 'a.tif'))['predictions'][0], expected)


def test_names_what_is_wrong(folder, images, inferencer):
    with pytest.raises(UserError, match='images: .*/nothing.png cannot be read'):
        inferencer(images / 'nothing.png')
    with pytest.raises(UserError, match=r'images: an array of float64 \(4, 4, 3\); give 8-bit'):
        inferencer(np.zeros((4, 4, 3)))
    for nothing in ([], (), iter([])):
        with pytest.raises(UserError, match='^images: none are given; give one or more'):
            extract_features(folder, nothing, device='cpu')
    for strange in (3, [None], [torch.zeros(3, 8, 8)], torch.zeros(3, 8, 8)):
        with pytest.raises(UserError, match='^images: [a-zA-Z]+ is not an image; give files'):
            inferencer(strange)
    for size in (0, -1):
        with pytest.raises(UserError, match=f'^batch_size: {size} images at a time; give 1'):
            inferencer(images, batch_size=size)
    (images / 'half.jpg').write_bytes(JPEG[: len(JPEG) // 2])
    with pytest.raises(UserError, match='^images: .*half.jpg cannot be read .image file is trunc'):
        inferencer(Image.open(images / 'half.jpg'))
    (images / 'half.jpg').unlink()
    with pytest.raises(UserError, match='^images: an image of mode F cannot be read .pixels'):
        inferencer(Image.new('F', (8, 8)))
    with pytest.raises(UserError, match='input_size: 0 is not a size'):
        FeatureInferencer(folder, input_size=0)
    with pytest.raises(UserError, match='subnet: .* holds no backbone.pth'):
        FeatureInferencer(str(images))
