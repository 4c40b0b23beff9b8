"""Frozen teachers: pretrained networks that supernets learn from and are searched by."""

from .backbone import BackboneTeacher
from .cache import EmbeddingCache
from .components import PrincipalComponents
from .encoder import FrozenEncoder
from .frozen import FrozenTeacher, build_teacher
from .huggingface import HuggingFaceTeacher
from .network import Features, TeacherNetwork
from .normalisation import Normalisation
from .program import ProgramTeacher
from .timm import TimmTeacher
from .torchvision import TorchvisionTeacher

__all__ = [
    'BackboneTeacher',
    'EmbeddingCache',
    'Features',
    'FrozenEncoder',
    'FrozenTeacher',
    'HuggingFaceTeacher',
    'Normalisation',
    'PrincipalComponents',
    'ProgramTeacher',
    'TeacherNetwork',
    'TimmTeacher',
    'TorchvisionTeacher',
    'build_teacher',
]
