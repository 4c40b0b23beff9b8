"""The base class of strategies, and building one by its name."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from gaia_ssl.registry import SEARCH_STRATEGIES
from gaia_ssl.search.feasible import Feasible
from gaia_ssl.utils import UserError
from gaia_ssl.utils.validation import check_types

Rounds = Generator[list[int], np.ndarray, None]
"""Yields indices of feasible archs to score, is sent their distances, and continues."""


@dataclass(frozen=True)
class Strategy(ABC):
    """Decides which feasible archs are scored, in one round or several.

    It is a frozen dataclass of its settings. All its randomness comes from a seed of its own and
    from the distances it is sent, so that a stopped search replays to where it was.
    """

    @abstractmethod
    def rounds(self, feasible: Feasible) -> Rounds:
        """The rounds; no arch is asked for twice."""

    def number(self, feasible: Feasible) -> int:
        """The number of archs that it scores."""
        return min(getattr(self, 'num', len(feasible)), len(feasible))

    def check(self, feasible: Feasible) -> None:  # noqa: B027 - most fit any archs
        """Raise ``UserError`` where the settings do not fit what is feasible."""

    def __post_init__(self):
        check_types(self)
        for name in ('num', 'population'):
            if getattr(self, name, 1) < 1:
                raise UserError(f'{name}: {getattr(self, name)} archs; give 1 or more')
        if getattr(self, 'seed', 0) < 0:
            raise UserError(f'seed: {self.seed} is negative; give 0 or more')

    def to_dict(self) -> dict[str, Any]:
        """Its name and settings, as ``build_strategy`` reads them."""
        names = {cls: name for name, cls in SEARCH_STRATEGIES.module_dict.items()}
        return dict(type=names[type(self)], **asdict(self))


def strategy_names() -> list[str]:
    """The names of all strategies."""
    return sorted(SEARCH_STRATEGIES.module_dict)


def build_strategy(settings: dict[str, Any], seed: int = 0) -> Strategy:
    """A strategy by its name and settings: ``dict(type='random', num=100)``.

    Args:
        settings: Its name and settings.
        seed: Its seed, if it has one and the settings do not say. Defaults to 0.

    Raises:
        UserError: If the name or a setting is unknown, or a setting is invalid.
    """
    options = dict(settings)
    name = options.pop('type', None)
    if name not in strategy_names():
        raise UserError(f'strategy: {name!r} is not one of {", ".join(strategy_names())}')
    cls = SEARCH_STRATEGIES.get(name)
    known = [field.name for field in fields(cls)]
    if unknown := sorted(options.keys() - set(known)):
        raise UserError(
            f'{unknown[0]}: strategy {name!r} has no such setting; it has '
            f'{", ".join(known) or "none"}'
        )
    if 'seed' in known:
        options.setdefault('seed', seed)
    return cls(**options)
