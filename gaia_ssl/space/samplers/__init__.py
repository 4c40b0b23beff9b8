"""Samplers of the archs that an iteration of supernet training runs."""

from .anchors import AnchorSampler
from .attentive import AttentiveSampler
from .base import ArchSampler, LossOf
from .flops import FlopsBins, FlopsUniformSampler, flops_bins
from .mixture import MixtureSampler
from .sandwich import SandwichSampler
from .uniform import UniformSampler

SAMPLERS = (
    AnchorSampler,
    AttentiveSampler,
    FlopsUniformSampler,
    MixtureSampler,
    SandwichSampler,
    UniformSampler,
)

__all__ = [
    'SAMPLERS',
    'AnchorSampler',
    'ArchSampler',
    'AttentiveSampler',
    'FlopsBins',
    'FlopsUniformSampler',
    'LossOf',
    'MixtureSampler',
    'SandwichSampler',
    'UniformSampler',
    'flops_bins',
]
