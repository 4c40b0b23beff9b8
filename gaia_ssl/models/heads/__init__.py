"""Heads that mmpretrain lacks."""

from .relation_head import RelationHead

__all__ = ['RelationHead']
