from .checkpoint import AtomicCheckpointHook
from .collapse import CollapseHook
from .health import SubnetHealthHook
from .knn import KNNHook
from .resume import ResumeHook
from .search import SubnetSearchHook
from .seed import SeedHook

__all__ = [
    'AtomicCheckpointHook',
    'CollapseHook',
    'KNNHook',
    'ResumeHook',
    'SeedHook',
    'SubnetHealthHook',
    'SubnetSearchHook',
]
