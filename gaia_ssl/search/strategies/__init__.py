"""Strategies that choose the archs to score."""

from .auto import Auto
from .base import Rounds, Strategy, build_strategy, strategy_names
from .evolution import Evolution, Pareto
from .fixed import Exhaustive, Listed, Random

__all__ = [
    'Auto',
    'Evolution',
    'Exhaustive',
    'Listed',
    'Pareto',
    'Random',
    'Rounds',
    'Strategy',
    'build_strategy',
    'strategy_names',
]
