"""Which archs of a space are scored."""

from .base import Strategy, build_strategy, strategy_names
from .evolution import Evolution, Pareto
from .fixed import Exhaustive, Random

__all__ = [
    'Evolution',
    'Exhaustive',
    'Pareto',
    'Random',
    'Strategy',
    'build_strategy',
    'strategy_names',
]
