from .amp import CPUAmpOptimWrapper
from .ddp import SupernetDistributedDataParallel
from .hooks import (
    AtomicCheckpointHook,
    CollapseHook,
    KNNHook,
    ResumeHook,
    SeedHook,
    SubnetHealthHook,
    SubnetSearchHook,
)
from .search_loop import SubnetSearchLoop

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'CollapseHook',
    'KNNHook',
    'ResumeHook',
    'SeedHook',
    'SubnetHealthHook',
    'SubnetSearchHook',
    'SubnetSearchLoop',
    'SupernetDistributedDataParallel',
]
