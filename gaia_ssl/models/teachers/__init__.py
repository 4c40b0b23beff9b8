"""Frozen teachers: pretrained networks that supernets learn from and are searched by."""

from .components import PrincipalComponents
from .encoder import FrozenEncoder
from .frozen import FrozenTeacher, build_teacher
from .network import Features, TeacherNetwork
from .normalisation import Normalisation

__all__ = [
    'Features',
    'FrozenEncoder',
    'FrozenTeacher',
    'Normalisation',
    'PrincipalComponents',
    'TeacherNetwork',
    'build_teacher',
]
