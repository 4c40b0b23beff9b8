"""Helpers of every subpackage: errors, files, checkpoints, weights, processes, command lines."""

from .errors import UserError, building

__all__ = ['UserError', 'building']
