"""gaia_ssl: self-supervised pretraining that fits your images, your task and your budget."""

from .version import __version__

__all__ = ['__version__']
