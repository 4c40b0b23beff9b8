"""Hooks of MMEngine's Runner."""

from .checkpoint_hook import AtomicCheckpointHook
from .collapse_hook import CollapseHook
from .health_hook import SubnetHealthHook
from .knn_hook import KNNHook
from .resume_hook import ResumeHook
from .schedule_hook import ScheduleHook
from .search_hook import SubnetSearchHook
from .seed_hook import SeedHook
from .teacher_hook import TeacherHook

__all__ = [
    'AtomicCheckpointHook',
    'CollapseHook',
    'KNNHook',
    'ResumeHook',
    'ScheduleHook',
    'SeedHook',
    'SubnetHealthHook',
    'SubnetSearchHook',
    'TeacherHook',
]
