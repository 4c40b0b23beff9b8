"""Archs, search spaces, anchors, samplers, budgets and analytic cost. Does not import torch."""

from .budget import COSTS, Budget, parse_duration, parse_quantity
from .families import FAMILIES, Arch, Cost, Family, Path, Shape, Size, Step, TracedStep
from .latency import LatencyTable
from .presets import SPACES, get_space
from .samplers import (
    SAMPLERS,
    AnchorSampler,
    ArchSampler,
    AttentiveSampler,
    CurriculumSampler,
    FlopsUniformSampler,
    LossOf,
    MixtureSampler,
    SandwichSampler,
    SmallestSampler,
    UniformSampler,
)
from .space import SearchSpace, arch_key, count_cost

__all__ = [
    'COSTS',
    'FAMILIES',
    'SAMPLERS',
    'SPACES',
    'AnchorSampler',
    'Arch',
    'ArchSampler',
    'AttentiveSampler',
    'Budget',
    'Cost',
    'CurriculumSampler',
    'Family',
    'LatencyTable',
    'FlopsUniformSampler',
    'LossOf',
    'MixtureSampler',
    'Path',
    'SandwichSampler',
    'SearchSpace',
    'Shape',
    'Size',
    'SmallestSampler',
    'Step',
    'TracedStep',
    'UniformSampler',
    'arch_key',
    'count_cost',
    'get_space',
    'parse_duration',
    'parse_quantity',
]
