from .amp import CPUAmpOptimWrapper
from .ddp import SupernetDistributedDataParallel

__all__ = ['CPUAmpOptimWrapper', 'SupernetDistributedDataParallel']
