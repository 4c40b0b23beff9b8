"""Which subnets of a trained supernet fit one's images, task and budget; no labels needed."""

from .distances import Distance, build_distance, distances_of
from .evaluator import TreeEvaluator
from .results import Result, load_result, save_result
from .search import Search, SearchSettings
from .strategies import STRATEGIES

__all__ = [
    'STRATEGIES',
    'Distance',
    'Result',
    'Search',
    'SearchSettings',
    'TreeEvaluator',
    'build_distance',
    'distances_of',
    'load_result',
    'save_result',
]
