"""Self-supervised supernets: pretrain once, search subnets without labels, extract and finetune."""

from .version import __version__

__all__ = ['__version__']
