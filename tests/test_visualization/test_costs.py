import pytest

from gaia_ssl.visualization.costs import arch_text, axis_title, distance_title, unit_of


@pytest.mark.parametrize(
    'cost, largest, name, scale',
    [
        ('flops', 4.1e9, 'GFLOPs', 1e9),
        ('flops', 9.9e8, 'MFLOPs', 1e6),
        ('flops', 10, 'MFLOPs', 1e6),
        ('params', 2.5e7, 'M parameters', 1e6),
        ('memory', 5e5, 'kB', 1e3),
        ('latency', 0.02, 'ms', 1e-3),
        ('latency', 2, 's', 1),
    ],
)
def test_units_are_the_largest_that_are_reached(cost, largest, name, scale):
    assert unit_of(cost, largest) == (scale, name)


def test_titles():
    meta = dict(task='dense', distance='mse', input_size=64)
    assert axis_title('flops', unit_of('flops', 1e9), meta) == (
        'GFLOPs (multiply-adds) of the backbone at 64 px'
    )
    assert distance_title(meta) == 'dense mse distance (lower is better)'
    many = dict(meta, distances=[{}] * 5)
    assert distance_title(many) == 'sum of 5 dense scores (lower is better)'
    assert arch_text(dict(stem_width=12, depth=[2, 3])) == 'stem_width 12, depth 2-3'
