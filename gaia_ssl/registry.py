"""Every registry of gaia_ssl, each a child of MMEngine's root registry of the same kind.

``gaia_ssl.SubnetResNet`` therefore resolves inside mmdet, mmseg and mmpretrain. Looking a model up
imports the backbones only; what needs mmpretrain is imported by ``gaia_ssl.models.selfsup``.
"""

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'gaia_ssl'

MODELS = Registry(
    'model', parent=MMENGINE_MODELS, scope=SCOPE, locations=['gaia_ssl.models.backbones']
)
MODEL_WRAPPERS = Registry(
    'model_wrapper', parent=MMENGINE_MODEL_WRAPPERS, scope=SCOPE, locations=['gaia_ssl.engine']
)
OPTIM_WRAPPERS = Registry(
    'optim_wrapper', parent=MMENGINE_OPTIM_WRAPPERS, scope=SCOPE, locations=['gaia_ssl.engine']
)
HOOKS = Registry('hook', parent=MMENGINE_HOOKS, scope=SCOPE, locations=['gaia_ssl.engine'])
LOOPS = Registry('loop', parent=MMENGINE_LOOPS, scope=SCOPE, locations=['gaia_ssl.engine'])
DATASETS = Registry(
    'dataset', parent=MMENGINE_DATASETS, scope=SCOPE, locations=['gaia_ssl.datasets']
)
TRANSFORMS = Registry(
    'transform', parent=MMENGINE_TRANSFORMS, scope=SCOPE, locations=['gaia_ssl.datasets']
)
ARCH_SAMPLERS = Registry('arch sampler', scope=SCOPE, locations=['gaia_ssl.models.selfsup'])
DISTANCES = Registry('distance', scope=SCOPE, locations=['gaia_ssl.search'])
