"""Judge the pick of a search by labels, beside archs of its budget that are chosen otherwise."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gaia_ssl.distances import registered_name
from gaia_ssl.space import Arch, arch_key
from gaia_ssl.space.search_json import Result
from gaia_ssl.utils import UserError

from .candidates import Candidates
from .feasible import Feasible
from .settings import SearchSettings
from .terms import of_labels
from .verdict import correlation

SHORT_LIST = 5
"""The best of the search that are judged."""
RANDOM = 12
"""The archs of the budget that are drawn to be judged."""
JUDGES = {
    'class': {
        'kNN top-1': registered_name('global', 'label_knn'),
        'linear probe top-1': registered_name('global', 'label_ridge'),
    },
    'map': {'mIoU of a linear probe of positions': registered_name('dense', 'label_ridge')},
}
"""By the kind of label, the scores that judge, by the names of their figures."""
PICK = 'rank 1'


class Standing(NamedTuple):
    """The standing of a search's pick by a judge; figures are percentages.

    Attributes:
        judge: The name of the judge's figure.
        pick: The pick's.
        error: Its standard error, by the number of labeled images; None of label maps, whose
            positions are no independent draws.
        best: The best of the short list.
        random: The mean of the random archs.
        deviation: Their standard deviation.
        beaten: The share of them that the pick is better than; equal ones count half.
        correlation: Spearman's correlation of the distance with what the judge gets wrong, over
            the archs of the budget that are judged.
    """

    judge: str
    pick: float
    error: float | None
    best: float
    random: float
    deviation: float
    beaten: float
    correlation: float

    def line(self) -> str:
        """The standing in a sentence."""
        verb = 'is' if self.pick > self.random else 'is NOT'
        error = '' if self.error is None else f' (standard error {self.error:.1f})'
        return (
            f'{self.judge}: the pick {verb} better than random archs of the budget: '
            f'{self.pick:.1f}{error}, and they {self.random:.1f} on average (deviation '
            f'{self.deviation:.1f}); it beats {self.beaten:.0%} of them; best of the short list '
            f'{self.best:.1f}; rank correlation with the distance {self.correlation:+.2f}'
        )


class Judge:
    """The judgement of a search: the archs to judge, the search that does it, and what it says.

    Args:
        kind: The kind of label, a key of JUDGES.
        settings: The settings of the search that is judged.
        candidates: Its candidates.

    Raises:
        UserError: If the search reads labels itself.
    """

    def __init__(self, kind: str, settings: SearchSettings, candidates: Candidates) -> None:
        if of_labels(candidates.terms):
            raise UserError(
                'judge: the search reads labels itself, and says how good its pick is by those; '
                'search without them, or do not judge'
            )
        self.kind, self.base, self.candidates = kind, settings, candidates

    def chosen(self, result: Result) -> list[tuple[str, Arch]]:
        """The archs to judge and their roles: the best, the largest, the widest, random ones.

        Args:
            result: The result of the search.
        """
        best = [row['arch'] for row in result['subnets'][:SHORT_LIST]]
        roles = [(f'rank {rank}', arch) for rank, arch in enumerate(best, 1)]
        return roles + _others(self.candidates.feasible, self.base.seed)

    def settings(self, result: Result) -> SearchSettings:
        """The settings of the search that scores them by the distance and by the judges."""
        archs = {arch_key(arch): arch for _, arch in self.chosen(result)}
        distance = {term.name: term.weight for term in self.candidates.terms}
        return replace(
            self.base,
            strategy=dict(type='listed', archs=[*archs.values()]),
            distance=distance | dict.fromkeys(JUDGES[self.kind].values(), 0.0),
            race=None,
        )

    def judgement(self, result: Result, judged: Result) -> dict[str, Any]:
        """Assemble the content of ``judge.json``.

        Args:
            result: The result of the search.
            judged: That of the search by ``settings``.

        Returns:
            ``labels_count``; ``standings``, one for each judge; and ``subnets``, of the smallest
            distance first, then the anchors: ``roles``, ``arch``, its costs, ``distance``, and in
            percent the figures of the ``judges``.
        """
        roles: dict[str, list[str]] = {}
        for role, arch in self.chosen(result):
            roles.setdefault(arch_key(arch), []).append(role)
        types = [term['type'] for term in judged['meta']['distances']]
        rows = []
        for row in [*judged['subnets'], *judged['anchors']]:
            wrong = {name: row['terms'][types.index(t)] for name, t in JUDGES[self.kind].items()}
            own = [row['name']] if 'name' in row else roles[arch_key(row['arch'])]
            kept = {key: value for key, value in row.items() if key not in ('terms', 'name')}
            judges = {name: 100 * (1 - value) for name, value in wrong.items()}
            rows.append(dict(roles=own, **kept, judges=judges))
        inside, number = rows[: len(judged['subnets'])], judged['meta']['labels_count']
        draws = number if self.kind == 'class' else None
        standings = [_standing(name, inside, draws) for name in JUDGES[self.kind]]
        return dict(
            labels_count=number,
            standings=[standing._asdict() for standing in standings],
            subnets=rows,
        )


def _others(feasible: Feasible, seed: int) -> list[tuple[str, Arch]]:
    """Archs of a budget that no score has chosen, and their roles."""
    params = feasible.costs['params'][feasible.indices]
    archs = [candidate.arch for candidate in feasible]
    # of the widest, the one of fewest parameters has them in its last stage
    widest = max(range(len(archs)), key=lambda i: (archs[i]['width'][-1], -params[i]))
    number = min(RANDOM, len(archs))
    drawn = sorted(np.random.default_rng(seed).choice(len(archs), number, replace=False))
    return [
        ('most parameters', archs[int(params.argmax())]),
        ('widest last stage', archs[widest]),
        *(('random', archs[index]) for index in drawn),
    ]


def _standing(judge: str, rows: list[dict[str, Any]], images: int | None) -> Standing:
    """The standing by a judge; ``images`` is their number where its figure is a share of them."""

    def figures(beginning: str) -> np.ndarray:
        return np.array(
            [r['judges'][judge] for r in rows if any(n.startswith(beginning) for n in r['roles'])]
        )

    [pick] = [row['judges'][judge] for row in rows if PICK in row['roles']]
    random = figures('random')
    share = pick / 100
    return Standing(
        judge,
        pick,
        None if images is None else 100 * (share * (1 - share) / images) ** 0.5,
        float(figures('rank').max()),
        float(random.mean()),
        float(random.std()),
        float((random < pick).mean() + (random == pick).mean() / 2),
        correlation(
            np.array([row['distance'] for row in rows]),
            np.array([-row['judges'][judge] for row in rows]),
        ),
    )
