from .base import SupernetSelfSupervisor
from .moco import DynamicMoCo

__all__ = ['DynamicMoCo', 'SupernetSelfSupervisor']
