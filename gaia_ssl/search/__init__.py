"""Which subnets of a trained supernet fit one's images, task and budget; no labels needed."""

from .distances import Distance, build_distance, distances_of
from .evaluator import TreeEvaluator
from .results import Result, load_result, save_result
from .search import Search, SearchSettings
from .strategies import Strategy, build_strategy, strategy_names

__all__ = [
    'Distance',
    'Result',
    'Search',
    'SearchSettings',
    'Strategy',
    'TreeEvaluator',
    'build_distance',
    'build_strategy',
    'distances_of',
    'load_result',
    'save_result',
    'strategy_names',
]
