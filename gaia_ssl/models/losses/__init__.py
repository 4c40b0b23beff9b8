from .swav_loss import SwAVLoss

__all__ = ['SwAVLoss']
