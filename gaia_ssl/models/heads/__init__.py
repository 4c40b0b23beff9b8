"""Heads that mmpretrain lacks."""

from .distance_head import DistanceHead
from .relation_head import RelationHead

__all__ = ['DistanceHead', 'RelationHead']
