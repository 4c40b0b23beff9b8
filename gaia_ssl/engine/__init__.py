from .amp import CPUAmpOptimWrapper
from .ddp import SupernetDistributedDataParallel
from .hooks import (
    AtomicCheckpointHook,
    CollapseHook,
    KNNHook,
    ResumeHook,
    SeedHook,
    SubnetHealthHook,
)

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'CollapseHook',
    'KNNHook',
    'ResumeHook',
    'SeedHook',
    'SubnetHealthHook',
    'SupernetDistributedDataParallel',
]
