import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from torch.utils.data import DataLoader

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.registry import TRANSFORMS
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'a.webp'])
def test_any_image_is_loaded_as_mmcv_does(tmp_path, save, name, backend):
    save(tmp_path / name)
    results = dict(img_path=str(tmp_path / name))
    ours = TRANSFORMS.build(dict(type='gaia_ssl.LoadAnyImage'))(dict(results))
    theirs = LoadImageFromFile(imdecode_backend=backend)(dict(results))
    assert np.array_equal(ours.pop('img'), theirs.pop('img')) and ours == theirs


@pytest.mark.parametrize('workers', [0, 1])
def test_an_unreadable_image_is_named(tmp_path, workers):
    (tmp_path / 'a.jpg').write_bytes(b'text')
    images = ImageSet(str(tmp_path), [dict(type='gaia_ssl.LoadAnyImage')])
    with pytest.raises(UserError, match=r'a.jpg cannot be read \(not an image\); repair or'):
        next(iter(DataLoader(images, num_workers=workers)))
