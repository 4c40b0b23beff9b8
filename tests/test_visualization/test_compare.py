import pytest
from PIL import Image

from gaia_ssl.search.compare import compare
from gaia_ssl.visualization import plot_comparison


@pytest.mark.parametrize('num', [2, 3])
def test_a_panel_for_every_two(tmp_path, make_result, num):
    results = {f'${i}': make_result() for i in range(num)}
    # the ranking turned round, and one that cannot tell archs apart
    for row in results['$1']['subnets']:
        row['distance'] = -row['distance'] if num == 2 else 1
    plot_comparison(compare(results, [2]), str(tmp_path / 'compare.png'))
    with Image.open(tmp_path / 'compare.png') as image:
        assert image.format == 'PNG' and image.width > 600
        assert len(image.convert('RGB').getcolors(10**6)) > 50
