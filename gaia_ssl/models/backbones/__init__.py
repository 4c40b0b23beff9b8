"""Backbones: supernets, their subnets, and the bases that families build them from."""

from .base import SUPERNETS, DynamicBackbone, Encoder, PathBackbone, SubnetBackbone
from .c4 import SubnetSharedHead, SubnetTrunk
from .layer_factory import LayerFactory
from .mobilenet import DynamicMobileNet, SubnetMobileNet
from .resnet import DynamicResNet, SubnetResNet
from .stem import StemBackbone

__all__ = [
    'SUPERNETS',
    'DynamicBackbone',
    'DynamicMobileNet',
    'DynamicResNet',
    'Encoder',
    'LayerFactory',
    'PathBackbone',
    'StemBackbone',
    'SubnetBackbone',
    'SubnetMobileNet',
    'SubnetResNet',
    'SubnetSharedHead',
    'SubnetTrunk',
]
