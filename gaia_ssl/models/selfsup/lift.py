"""Any of mmpretrain's self-supervised methods, trained by the sandwich rule."""

from functools import cache

from mmpretrain.models.selfsup import BaseSelfSupervisor

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .base import SupernetSelfSupervisor


@MODELS.register_module(name='SupernetSelfSupervisor')
def lift(algorithm: str | None = None, **options) -> SupernetSelfSupervisor:
    """Build a self-supervised supernet from mmpretrain's config of a method.

    Its ``type`` moves to ``algorithm``, and its backbone is a dynamic one; all else stays. Methods
    that keep state which must move once per iteration (queue, teacher) have a class of their own
    here, which is then used.

    Args:
        algorithm: Registered name of mmpretrain's method, e.g. ``'mmpretrain.SimSiam'``; one that
            calls the backbone on images alone.
        options: Its arguments, and those of ``SupernetSelfSupervisor``.

    Raises:
        UserError: If the name is unknown or is no self-supervised method.
    """
    method = MODELS.get(algorithm) if isinstance(algorithm, str) else None
    if not (isinstance(method, type) and issubclass(method, BaseSelfSupervisor)):
        raise UserError(
            f'model.algorithm: {algorithm!r} is no self-supervised method; name one of '
            "mmpretrain's, e.g. 'mmpretrain.SimSiam'"
        )
    return lifted(method)(**options)


@cache
def lifted(method: type[BaseSelfSupervisor]) -> type[SupernetSelfSupervisor]:
    """The supernet's class of a method: its own if there is one, else the method on the base."""
    if issubclass(method, SupernetSelfSupervisor):
        return method
    for own in _subclasses(SupernetSelfSupervisor):
        if method in own.__bases__ and own.__module__.startswith('gaia_ssl.'):
            return own
    doc = f'{method.__name__} on a supernet.'
    return type(f'Dynamic{method.__name__}', (SupernetSelfSupervisor, method), dict(__doc__=doc))


def _subclasses(cls: type) -> list[type]:
    return [s for sub in cls.__subclasses__() for s in (sub, *_subclasses(sub))]
