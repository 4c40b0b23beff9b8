"""Extraction: a subnet as an ordinary checkpoint, with configs that use it."""

from gaia_ssl.downstream import Subnet

from .choices import (
    Choice,
    choose_arch,
    choose_from_search,
    choose_pareto,
    choose_top,
)
from .extract import extract, extract_all
from .formats import FORMATS
from .standard import torchvision_name

__all__ = [
    'FORMATS',
    'Choice',
    'Subnet',
    'choose_arch',
    'choose_from_search',
    'choose_pareto',
    'choose_top',
    'extract',
    'extract_all',
    'torchvision_name',
]
