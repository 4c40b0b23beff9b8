from .checkpoint import AtomicCheckpointHook
from .resume import ResumeHook
from .seed import SeedHook

__all__ = ['AtomicCheckpointHook', 'ResumeHook', 'SeedHook']
