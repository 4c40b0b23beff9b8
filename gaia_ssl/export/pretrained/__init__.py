"""Pretrained networks of other projects, with the weights renamed as this package names them."""

from .network import Network, read_network

__all__ = ['Network', 'read_network']
