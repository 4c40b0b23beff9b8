"""Losses that mmpretrain lacks."""

from .swav_loss import SwAVLoss

__all__ = ['SwAVLoss']
