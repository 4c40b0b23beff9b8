import pytest


@pytest.fixture
def make_result():
    """Builds a result of 7 subnets with flops from 2 to 8 times ``scale``."""

    def make(scale=10**6, flops_budget=(0, None), **costs):
        rows = [
            dict(
                arch=dict(width=[8, i], depth=[1, 2]),
                flops=i * scale,
                params=1000 * i,
                distance=1 / i,
                **{name: unit * i for name, unit in costs.items()},
            )
            for i in range(2, 9)
        ]
        meta = dict(
            task='dense',
            distance='mse',
            images='photos',
            images_count=3,
            input_size=64,
            budget=dict(flops=list(flops_budget), params=[0, None]),
        )
        anchors = [dict(name='MAX', **rows[-1]), dict(name='MIN', **rows[0])]
        return dict(meta=meta, subnets=rows[::-1], anchors=anchors)

    return make
