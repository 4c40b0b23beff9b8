"""What an arch is: spaces, anchors, samplers, budgets and analytic cost. Pure Python."""

from .budget import Budget, parse_quantity
from .families import FAMILIES, Arch, Cost, Family, Path, Step
from .presets import SPACES, get_space
from .samplers import ArchSampler, SandwichSampler, UniformSampler
from .space import SearchSpace, count_cost

__all__ = [
    'FAMILIES',
    'SPACES',
    'Arch',
    'ArchSampler',
    'Budget',
    'Cost',
    'Family',
    'Path',
    'SandwichSampler',
    'SearchSpace',
    'Step',
    'UniformSampler',
    'count_cost',
    'get_space',
    'parse_quantity',
]
