import hashlib
import shutil
from pathlib import Path

import pytest

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.search import SearchSettings
from gaia_ssl.search.search_images import SearchImages
from gaia_ssl.utils import UserError


def settings(**options):
    return SearchSettings('global', input_size=40, **options)


def test_all_images_in_groups(photos):
    found = SearchImages(photos, settings(bn_group=6))
    assert found.images.names == photos.names and found.bad == []
    assert found.sizes() == [4, 5, 5] and found.least_group == 4
    assert found.sizes(range(1, 3)) == [5, 5]
    files = [Path(photos.path(i)).read_bytes() for i in range(len(photos))]
    assert found.digests == [hashlib.sha256(file).hexdigest() for file in files]


def test_a_drawn_subset(photos):
    found = SearchImages(photos, settings(num_images=6, seed=2))
    assert len(found) == 6 and found.images.names == photos.subset(6, 2).names


def test_unreadable_images_are_left_out_or_refused(photos, tmp_path):
    shutil.copytree(photos.sources[0], tmp_path / 'photos')
    (tmp_path / 'photos' / '03.png').write_bytes(b'broken')
    images = ImageSet(str(tmp_path / 'photos'), photos.pipeline)
    found = SearchImages(images, settings(max_bad=0.1))
    assert [bad.name for bad in found.bad] == ['03.png']
    assert len(found) == len(found.digests) == 13
    with pytest.raises(UserError, match='03.png cannot be read'):
        SearchImages(images, settings())
