from .collapse import CollapseHook
from .health import SubnetHealthHook
from .knn import KNNHook

__all__ = ['CollapseHook', 'KNNHook', 'SubnetHealthHook']
