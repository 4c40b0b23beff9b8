"""Necks that mmpretrain lacks."""

from .densecl_neck import NormedDenseCLNeck

__all__ = ['NormedDenseCLNeck']
