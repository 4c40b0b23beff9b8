from .amp import CPUAmpOptimWrapper
from .ddp import SupernetDistributedDataParallel
from .hooks import AtomicCheckpointHook, ResumeHook, SeedHook

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'ResumeHook',
    'SeedHook',
    'SupernetDistributedDataParallel',
]
