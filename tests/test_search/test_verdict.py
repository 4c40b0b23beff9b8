"""A search's ranking against the labels that it read."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from gaia_ssl.search.verdict import FEW, verdicts


def result(number=20, names=('cosine', 'rank', 'label_knn'), pick=0.1, **changes):
    """Subnets by a rising distance; ``rank`` is what the judge says, ``cosine`` is noise."""
    rng = np.random.default_rng(0)
    distances, truth = np.sort(rng.normal(size=number)), rng.uniform(0.2, 0.9, number)
    truth[0] = pick
    columns = dict(cosine=distances, rank=truth * 2 + 1, label_knn=truth)
    terms = np.stack([columns[name] for name in names], 1)
    rows = [
        dict(distance=float(d), terms=list(t), **changes)
        for d, t in zip(distances, terms.tolist(), strict=True)
    ]
    meta = dict(task='global', distances=[dict(type=f'global_{name}') for name in names])
    return dict(meta=meta, subnets=rows, anchors=[]), distances, truth


def test_the_pick_and_the_ranking_are_judged():
    found, distances, truth = result()
    [verdict] = verdicts(found)
    want = spearmanr(distances, truth).statistic
    assert verdict.judge == 'label_knn' and verdict.better_than == 1
    assert verdict.correlation == pytest.approx(want)
    assert verdict.others == dict(cosine=pytest.approx(want), rank=pytest.approx(1))
    assert verdict.line() == (
        'label_knn: the pick is better than most, with 100% of the subnets behind it; rank '
        f'correlation with the distance {want:+.2f}, at best with rank, +1.00'
    )


def test_a_bad_pick_is_told():
    found, *_ = result(names=('cosine', 'label_knn'), pick=0.95)
    [verdict] = verdicts(found)
    assert verdict.better_than == 0 and verdict.others == {}
    assert 'the pick is NOT better than most, with 0% of the subnets behind it' in verdict.line()
    for row in found['subnets']:
        row['terms'][1] = 0.5 + 0.1 * (row is found['subnets'][-1])
    assert verdicts(found)[0].better_than == pytest.approx((1 + 18 / 2) / 19)


def test_nothing_is_said_without_labels_or_of_too_little():
    assert verdicts(result(names=('cosine', 'rank'))[0]) == []
    assert verdicts(result(number=FEW - 1)[0]) == []
    assert verdicts(result(images=64)[0]) == []
    found, *_ = result()
    for row in found['subnets']:
        row['terms'][2] = 0.5
    assert verdicts(found) == []
    for row in found['subnets']:
        del row['terms']
    assert verdicts(found) == []
