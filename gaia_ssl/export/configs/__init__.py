"""Configs that finetune or probe an extracted subnet, as they stand in its folder."""

from .render import WRITTEN, config_texts
from .text import Config, to_text

__all__ = ['WRITTEN', 'Config', 'config_texts', 'to_text']
