import pytest
from PIL import Image

from gaia_ssl.visualization import plot_search


def result(flops_budget, scale):
    rows = [
        dict(arch=dict(width=[8, i], depth=[1, 2]), flops=i * scale, params=i, distance=1 / i)
        for i in range(2, 9)
    ]
    meta = dict(
        task='dense',
        distance='mse',
        images_count=3,
        input_size=64,
        budget=dict(flops=flops_budget, params=[0, None]),
    )
    return dict(meta=meta, subnets=rows[::-1], anchors=[dict(name='MAX', **rows[-1])])


@pytest.mark.parametrize('budget', [[0, None], [3e6, 5e6], [3e6, None], [0, 5e6]])
@pytest.mark.parametrize('scale', [10**6, 10**9])
def test_a_picture_for_every_budget(tmp_path, budget, scale):
    path = tmp_path / 'distance.png'
    plot_search(result(budget, scale), str(path))
    with Image.open(path) as image:
        assert image.format == 'PNG' and image.width > 600
        # more than one colour: something is drawn
        assert len(image.convert('RGB').getcolors(10**6)) > 50
    assert list(tmp_path.iterdir()) == [path]
