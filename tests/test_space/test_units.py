import pytest

from gaia_ssl.space.units import cost_columns, cost_lines, cost_text, unit_of


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


@pytest.mark.parametrize(
    'cost, value, text',
    [
        ('flops', 4_920_000, '4.92 MFLOPs'),
        ('flops', 4_089_284_608, '4.09 GFLOPs'),
        ('params', 82_940, '82.94 k parameters'),
        ('params', 23_454_912, '23.45 M parameters'),
        ('memory', 999_600, '999.60 kB'),
        ('latency', 0.0025, '2.50 ms'),
    ],
)
def test_a_cost_in_words(cost, value, text):
    assert cost_text(cost, value) == text


def test_a_column_has_the_unit_of_its_largest_value():
    rows = [dict(flops=2e6, params=300), dict(flops=3.5e9, params=4000, arch='x')]
    headings, cells = cost_columns(rows, ['flops', 'params'])
    assert headings == ['GFLOPs', 'k parameters']
    assert cells == [['0.00', '0.30'], ['3.50', '4.00']]


def test_aligned_lines():
    rows = [dict(flops=1.5e6, latency=2), dict(flops=9.5e8, latency=300)]
    assert cost_lines(rows, ['flops', 'latency']) == [
        'MFLOPs       s',
        '  1.50    2.00',
        '950.00  300.00',
    ]
