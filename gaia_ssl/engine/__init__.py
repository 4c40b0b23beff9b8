"""Training of supernets and of downstream models with MMEngine's Runner."""

from .amp import CPUAmpOptimWrapper
from .ddp import CPUDistributedDataParallel, SupernetDistributedDataParallel
from .hooks import (
    AtomicCheckpointHook,
    CollapseHook,
    KNNHook,
    ResumeHook,
    ScheduleHook,
    SeedHook,
    SubnetHealthHook,
    SubnetSearchHook,
    TeacherHook,
)
from .search_loop import SubnetSearchLoop

__all__ = [
    'AtomicCheckpointHook',
    'CPUAmpOptimWrapper',
    'CPUDistributedDataParallel',
    'CollapseHook',
    'KNNHook',
    'ResumeHook',
    'ScheduleHook',
    'SeedHook',
    'SubnetHealthHook',
    'SubnetSearchHook',
    'SubnetSearchLoop',
    'SupernetDistributedDataParallel',
    'TeacherHook',
]
