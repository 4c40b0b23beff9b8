from gaia_ssl.benchmark.sizes import SIZES


def test_sizes_of_a_row():
    row = dict(flops=5, params=7, arch=dict(width=[8, 16], depth=[1, 2]))
    assert {name: size(row) for name, size in SIZES.items()} == dict(
        FLOPs=5, params=7, width=16, depth=3
    )
