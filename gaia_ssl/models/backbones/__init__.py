from .base import DynamicBackbone, Encoder, PathBackbone, SubnetBackbone
from .builders import Layers
from .halves import SubnetSharedHead, SubnetTrunk
from .mobilenet import DynamicMobileNet, SubnetMobileNet
from .resnet import DynamicResNet, SubnetResNet

__all__ = [
    'DynamicBackbone',
    'DynamicMobileNet',
    'DynamicResNet',
    'Encoder',
    'Layers',
    'PathBackbone',
    'SubnetBackbone',
    'SubnetMobileNet',
    'SubnetResNet',
    'SubnetSharedHead',
    'SubnetTrunk',
]
