"""Search a trained supernet for the subnets that fit images, task and budget, without labels."""

from gaia_ssl.space.search_json import Result, load_result

from .evaluator import TreeEvaluator
from .results import save_result
from .search import Search
from .settings import Limits, SearchSettings
from .strategies import Strategy, build_strategy, strategy_names

__all__ = [
    'Limits',
    'Result',
    'Search',
    'SearchSettings',
    'Strategy',
    'TreeEvaluator',
    'build_strategy',
    'load_result',
    'save_result',
    'strategy_names',
]
