"""Build a supernet from mmpretrain's config of a self-supervised method."""

from functools import cache

from mmpretrain.models.selfsup import BaseSelfSupervisor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .base import SupernetSelfSupervisor


@MODELS.register_module(name='LiftedSupernet')
def lift(algorithm: str | None = None, **options) -> SupernetSelfSupervisor:
    """Build a self-supervised supernet from mmpretrain's config of a method.

    The config's ``type`` moves to ``algorithm`` and its backbone becomes a dynamic one; everything
    else stays. Methods with state that moves once per iteration (a queue, a teacher) have their
    own classes in this package, and those are built.

    Args:
        algorithm: Registered name of a method, e.g. ``'mmpretrain.SimSiam'``. The method must call
            its backbone with images alone.
        options: Arguments of the method and of ``SupernetSelfSupervisor``.

    Raises:
        UserError: If the name is unknown or is not that of a self-supervised method.

    Example:
        >>> backbone = dict(type='DynamicResNet', space='ar50to101')
        >>> config = dict(algorithm='mmpretrain.SimSiam', backbone=backbone, neck=..., head=...)
        >>> MODELS.build(dict(type='LiftedSupernet', **config))
    """
    method = MODELS.get(algorithm) if isinstance(algorithm, str) else None
    if not (isinstance(method, type) and issubclass(method, BaseSelfSupervisor)):
        raise UserError(
            f'model.algorithm: {algorithm!r} is not a self-supervised method; name one '
            "of mmpretrain's, e.g. 'mmpretrain.SimSiam'"
        )
    return lifted(method)(**options)


@cache
def lifted(method: type[BaseSelfSupervisor]) -> type[SupernetSelfSupervisor]:
    """Return the supernet class of a method: the package's own, or one made of base and method."""
    if issubclass(method, SupernetSelfSupervisor):
        return method
    for own in _subclasses(SupernetSelfSupervisor):
        if method in own.__bases__ and own.__module__.startswith('gaia_ssl.'):
            return own
    doc = f'{method.__name__} on a supernet.'
    return type(f'Dynamic{method.__name__}', (SupernetSelfSupervisor, method), dict(__doc__=doc))


def _subclasses(cls: type) -> list[type]:
    """Return the direct and indirect subclasses."""
    direct: list[type] = type.__subclasses__(cls)
    return [*direct, *(s for subclass in direct for s in _subclasses(subclass))]
