import numpy as np
import pytest
from PIL import Image

from gaia_ssl.datasets.images import ImageSet, default_pipeline
from gaia_ssl.utils import UserError


def test_pipeline(tmp_path, save):
    save(tmp_path / 'a.png')
    images = ImageSet(str(tmp_path), [])
    assert len(images) == 1 and images.path(0) == str(tmp_path / 'a.png')
    with pytest.raises(UserError, match='search.pipeline: it gives no inputs; end it with'):
        images[0]
    images = ImageSet(str(tmp_path), [dict(type='mmpretrain.PackInputs', input_key='image')])
    images.transforms.insert(0, lambda results: results['img'])
    with pytest.raises(UserError, match='a.png does not pass the pipeline .KeyError'):
        images[0]


def test_all_kinds_pass_the_default_pipeline(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    for mode in ('1', 'L', 'P', 'RGB', 'RGBA', 'CMYK'):
        name = 'a.jpg' if mode == 'CMYK' else f'{mode}.png'
        Image.fromarray(noise).convert(mode).save(tmp_path / name)
    Image.fromarray(noise[..., 0].astype(np.uint16) << 8).save(tmp_path / '16.png')
    Image.fromarray(noise[:1, :1]).save(tmp_path / 'pixel.png')
    images = ImageSet(str(tmp_path), default_pipeline(24))
    assert {tuple(image.shape) for image in images} == {(3, 24, 24)}
    images.check_size(24, 'input_size')
    with pytest.raises(UserError, match='images of 24x24, but input_size is 32'):
        images.check_size(32, 'input_size')


@pytest.fixture
def many(tmp_path):
    for index in range(20):
        (tmp_path / f'{index:02}.jpg').write_text('')
    return ImageSet([str(tmp_path)], [])


def test_select(many, tmp_path):
    chosen = many.select([3, 1])
    assert chosen.names == ['03.jpg', '01.jpg'] and len(many) == 20
    assert [chosen.path(i) for i in range(len(chosen))] == [f'{tmp_path}/{n}' for n in chosen.names]


def test_subset(many):
    names = many.subset(7, seed=1).names
    assert len(set(names)) == 7 and names == sorted(names)
    assert many.subset(7, seed=1).names == names != many.subset(7, seed=2).names
    assert set(many.subset(5, seed=1).names) < set(names)
    assert many.subset(99, seed=1).names == many.names
    with pytest.raises(UserError, match='num_images: 0 is too few'):
        many.subset(0, seed=1)


def test_subsets_are_uniform(many):
    draws = 2000
    counts = dict.fromkeys(many.names, 0)
    for seed in range(draws):
        for name in many.subset(5, seed).names:
            counts[name] += 1
    expected = draws * 5 / 20
    chi2 = sum((count - expected) ** 2 for count in counts.values()) / (expected * (1 - 5 / 20))
    assert chi2 < 44  # 19 degrees of freedom: exceeded once in 1,000
