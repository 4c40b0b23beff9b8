"""Warm start: a pretrained network in a supernet whose largest subnet computes the same."""

from .warm_start import WarmStart, network_to_supernet

__all__ = ['WarmStart', 'network_to_supernet']
