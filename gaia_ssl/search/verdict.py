"""Judge the ranking of a search by labels that it read, but did not need to rank by."""

from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from gaia_ssl.distances import LabelScore
from gaia_ssl.registry import DISTANCES
from gaia_ssl.space.search_json import Result

FEW = 8
"""Subnets below which nothing is said."""


class Verdict(NamedTuple):
    """A judgement of a search by a score of labels.

    Attributes:
        judge: The score of labels.
        better_than: The share of the other subnets that the pick is better than; equal ones count
            half.
        correlation: Spearman's correlation of the judge with the distance.
        others: That with each other term of a sum, by name.
    """

    judge: str
    better_than: float
    correlation: float
    others: dict[str, float]

    def line(self) -> str:
        """The judgement in a sentence."""
        pick = 'is' if self.better_than > 0.5 else 'is NOT'
        found = (
            f'{self.judge}: the pick {pick} better than most, with {self.better_than:.0%} of the '
            f'subnets behind it; rank correlation with the distance {self.correlation:+.2f}'
        )
        if not self.others:
            return found
        name = max(self.others, key=lambda name: self.others[name])
        return f'{found}, at best with {name}, {self.others[name]:+.2f}'


def verdicts(result: Result) -> list[Verdict]:
    """Judge a search by each score of labels among its terms.

    A search ranks without labels if those have the weight 0, ``--distance cosine label_knn=0``.

    Args:
        result: The result; its subnets are in the order of the ranking.

    Returns:
        One for each score of labels that the subnets differ in; none of few subnets, or of a race,
        whose subnets were not scored on the same images.
    """
    rows, terms = result['subnets'], result['meta'].get('distances', [])
    if len(rows) < FEW or 'images' in rows[0] or 'terms' not in rows[0]:
        return []
    prefix = f'{result["meta"]["task"]}_'
    names = [term['type'].removeprefix(prefix) for term in terms]
    judges = [issubclass(DISTANCES.get(term['type']), LabelScore) for term in terms]
    values = np.array([row['terms'] for row in rows])  # (subnets, terms)
    distances = np.array([row['distance'] for row in rows])
    found = []
    for index in np.flatnonzero(judges):
        truth = values[:, index]
        if truth.min() == truth.max():
            continue
        behind = (truth[1:] > truth[0]).mean() + (truth[1:] == truth[0]).mean() / 2
        others = {
            name: correlation(column, truth)
            for name, column, judge in zip(names, values.T, judges, strict=True)
            if not judge
        }
        others = others if len(others) > 1 else {}  # one alone is the distance
        found.append(Verdict(names[index], float(behind), correlation(distances, truth), others))
    return found


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation, 0 where one side does not vary."""
    return 0.0 if a.min() == a.max() else float(spearmanr(a, b).statistic)
