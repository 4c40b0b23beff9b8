"""The registries of gaia_ssl, each a child of MMEngine's root registry of the same name.

``gaia_ssl.SubnetResNet`` therefore resolves inside mmdet, mmseg and mmpretrain. Looking up a model
imports the backbones only; ``gaia_ssl.models.selfsup`` imports those that need mmpretrain.
"""

from typing import Any

from mmengine import registry as root
from mmengine.registry import Registry, build_from_cfg

from gaia_ssl.utils.errors import UserError, is_bug
from gaia_ssl.utils.openmmlab import adapt_openmmlab

SCOPE = 'gaia_ssl'

# every use of this package from a config comes through here
adapt_openmmlab()


def _child(parent: Registry, *locations: str) -> Registry:
    # for a registry without a location MMEngine looks for gaia_ssl.utils.register_all_modules
    where = list(locations) or [SCOPE]
    return Registry(parent.name, parent=parent, scope=SCOPE, locations=where)


def _build_nested(cfg: dict, registry: Registry) -> Any:
    """Build a component after those of the same registry among its settings.

    Raises:
        UserError: If it is not a dict, a type or a setting is unknown, or a setting is missing.
    """
    if not isinstance(cfg, dict):
        raise UserError(f'{registry.name}: {cfg!r} is not a dict; give dict(type=...)')

    def build(value: Any) -> Any:
        if isinstance(value, dict) and 'type' in value:
            return _build_nested(value, registry)
        return [build(item) for item in value] if isinstance(value, list) else value

    settings = {key: value if key == 'type' else build(value) for key, value in cfg.items()}
    try:
        return build_from_cfg(settings, registry)
    except (KeyError, TypeError) as error:
        if is_bug(error):
            raise
        raise UserError(f'{registry.name}: {error.args[0]}') from error


# models and data
MODELS = _child(root.MODELS, 'gaia_ssl.models.backbones')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'gaia_ssl.engine')
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
DATASETS = _child(root.DATASETS, 'gaia_ssl.datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'gaia_ssl.datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'gaia_ssl.datasets')
FUNCTIONS = _child(root.FUNCTIONS)

# training
RUNNERS = _child(root.RUNNERS)
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS)
LOOPS = _child(root.LOOPS, 'gaia_ssl.engine')
HOOKS = _child(root.HOOKS, 'gaia_ssl.engine')
OPTIMIZERS = _child(root.OPTIMIZERS)
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'gaia_ssl.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS)
LOG_PROCESSORS = _child(root.LOG_PROCESSORS)

# evaluation and display
METRICS = _child(root.METRICS)
EVALUATOR = _child(root.EVALUATOR)
VISUALIZERS = _child(root.VISUALIZERS)
VISBACKENDS = _child(root.VISBACKENDS)
INFERENCERS = _child(root.INFERENCERS, 'gaia_ssl.apis')
TASK_UTILS = _child(root.TASK_UTILS)

# registries of gaia_ssl alone
ARCH_SAMPLERS = Registry(
    'arch_sampler',
    build_func=_build_nested,
    scope=SCOPE,
    locations=['gaia_ssl.models.selfsup'],
)
DISTANCES = Registry('distance', scope=SCOPE, locations=['gaia_ssl.distances'])
SEARCH_STRATEGIES = Registry('search_strategy', scope=SCOPE, locations=['gaia_ssl.search'])
