"""Samplers of the archs that an iteration of supernet training runs."""

from .anchors import AnchorSampler
from .attentive import AttentiveSampler
from .base import ArchSampler, LossOf
from .curriculum import CurriculumSampler
from .flops import FlopsBins, FlopsUniformSampler, flops_bins
from .mixture import MixtureSampler
from .sandwich import SandwichSampler
from .smallest import SmallestSampler
from .uniform import UniformSampler

SAMPLERS = (
    AnchorSampler,
    AttentiveSampler,
    CurriculumSampler,
    FlopsUniformSampler,
    MixtureSampler,
    SandwichSampler,
    SmallestSampler,
    UniformSampler,
)
"""The classes of samplers that a config can name."""

__all__ = [
    'SAMPLERS',
    'AnchorSampler',
    'ArchSampler',
    'AttentiveSampler',
    'CurriculumSampler',
    'FlopsBins',
    'FlopsUniformSampler',
    'LossOf',
    'MixtureSampler',
    'SandwichSampler',
    'SmallestSampler',
    'UniformSampler',
    'flops_bins',
]
