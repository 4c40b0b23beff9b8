"""Write the downstream configs of an extracted folder."""

from .render import WRITTEN, config_texts
from .text import Config, to_text

__all__ = ['WRITTEN', 'Config', 'config_texts', 'to_text']
