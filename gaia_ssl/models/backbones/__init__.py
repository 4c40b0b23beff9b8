from .base import DynamicBackbone, PathBackbone, SubnetBackbone
from .resnet import DynamicResNet, SubnetResNet

__all__ = ['DynamicBackbone', 'DynamicResNet', 'PathBackbone', 'SubnetBackbone', 'SubnetResNet']
