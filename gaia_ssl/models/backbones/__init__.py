from .base import DynamicBackbone, PathBackbone, SubnetBackbone
from .builders import Layers
from .halves import SubnetSharedHead, SubnetTrunk
from .mobilenet import DynamicMobileNet, SubnetMobileNet
from .resnet import DynamicResNet, SubnetResNet

__all__ = [
    'DynamicBackbone',
    'DynamicMobileNet',
    'DynamicResNet',
    'Layers',
    'PathBackbone',
    'SubnetBackbone',
    'SubnetMobileNet',
    'SubnetResNet',
    'SubnetSharedHead',
    'SubnetTrunk',
]
