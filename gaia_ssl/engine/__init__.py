from .amp import CPUAmpOptimWrapper
from .ddp import SupernetDistributedDataParallel
from .hooks import CollapseHook, KNNHook, SubnetHealthHook

__all__ = [
    'CPUAmpOptimWrapper',
    'CollapseHook',
    'KNNHook',
    'SubnetHealthHook',
    'SupernetDistributedDataParallel',
]
