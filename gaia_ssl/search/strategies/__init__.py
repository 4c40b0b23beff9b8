"""Strategies that choose the archs to score."""

from .base import Rounds, Strategy, build_strategy, strategy_names
from .evolution import Evolution, Pareto
from .fixed import Exhaustive, Random

__all__ = [
    'Evolution',
    'Exhaustive',
    'Pareto',
    'Random',
    'Rounds',
    'Strategy',
    'build_strategy',
    'strategy_names',
]
