from gaia_ssl.space.units import unit_of
from gaia_ssl.visualization.costs import arch_text, axis_title, distance_title


def test_titles():
    meta = dict(task='dense', distance='mse', input_size=64)
    assert axis_title('flops', unit_of('flops', 1e9), meta) == (
        'GFLOPs (multiply-adds) of the backbone at 64 px'
    )
    assert distance_title(meta) == 'dense mse distance (lower is better)'
    many = dict(meta, distances=[{}] * 5)
    assert distance_title(many) == 'sum of 5 dense scores (lower is better)'
    assert arch_text(dict(stem_width=12, depth=[2, 3])) == 'stem_width 12, depth 2-3'
