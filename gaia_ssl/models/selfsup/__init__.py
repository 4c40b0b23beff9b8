"""Self-supervised methods on supernets."""

# Methods name these parts in their configs; importing the methods registers them.
from gaia_ssl.models import heads, losses, necks  # noqa: F401

from .barlowtwins import DynamicBarlowTwins
from .base import SupernetSelfSupervisor
from .byol import DynamicBYOL
from .densecl import DynamicDenseCL
from .frozen_teacher import DynamicDistill
from .guides import Guides
from .lift import lift
from .moco import DynamicMoCo
from .mocov3 import DynamicMoCoV3
from .ressl import DynamicReSSL
from .simclr import DynamicSimCLR
from .swav import DynamicSwAV

__all__ = [
    'DynamicBYOL',
    'DynamicBarlowTwins',
    'DynamicDenseCL',
    'DynamicDistill',
    'DynamicMoCo',
    'DynamicMoCoV3',
    'DynamicReSSL',
    'DynamicSimCLR',
    'DynamicSwAV',
    'Guides',
    'SupernetSelfSupervisor',
    'lift',
]
