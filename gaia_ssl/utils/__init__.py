"""Helpers of all rooms: errors, files, checkpoints, weights, processes and command lines."""

from .errors import UserError, building

__all__ = ['UserError', 'building']
