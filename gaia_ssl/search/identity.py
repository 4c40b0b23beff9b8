"""Collect the settings that determine a result, to compare them when a search is resumed."""

import json
from dataclasses import asdict
from typing import Any, cast

import numpy as np

from gaia_ssl.datasets.label_map_set import LabelMapSet
from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.utils.files import data_digest, file_digest

from .candidates import Candidates
from .racing import race_from
from .search_images import SearchImages
from .settings import SearchSettings
from .terms import dense_stages, describe


def teacher_id(student: Encoder, teacher: Encoder | FrozenEncoder) -> dict[str, Any]:
    """The facts of the network that subnets are compared with: its kind, and if frozen its digest.

    The kind is ``'online'``, ``'ema'`` or ``'frozen'``.
    """
    if isinstance(teacher, FrozenEncoder):
        return dict(teacher='frozen', teacher_sha256=teacher.teacher.digest)
    return dict(teacher='online' if teacher[0] is student[0] else 'ema')


def settings_id(
    settings: SearchSettings,
    candidates: Candidates,
    images: SearchImages,
    teacher: dict[str, Any],
    labeled: SearchImages | None = None,
) -> dict[str, Any]:
    """The facts of images, space and settings; those of the weights come apart.

    Args:
        settings: The settings.
        candidates: The candidates.
        images: The images.
        teacher: The facts of the teacher, see ``teacher_id``.
        labeled: Labeled images. Defaults to none.
    """
    strategy = candidates.strategy.to_dict()
    labels = {}
    if labeled is not None:
        files = cast(LabeledImageSet | LabelMapSet, labeled.images)
        known = map(files.labels_id, range(len(files)))
        facts = list(zip(files.names, labeled.digests, known, strict=True))
        labels = dict(labels_count=len(labeled), labels_sha256=data_digest(facts))
    return dict(
        space=candidates.space.to_dict(),
        images_count=len(images),
        images_sha256=data_digest(list(zip(images.images.names, images.digests))),
        images_bad=[dict(name=bad.name, reason=bad.reason) for bad in images.bad],
        **labels,
        input_size=settings.input_size,
        pipeline=json.loads(json.dumps(images.images.pipeline, default=str)),
        task=settings.task,
        distance=describe(candidates.terms, settings.task),
        distances=[term.to_dict() for term in candidates.terms],
        combine=settings.combine,
        race=None if (race := race_from(settings.race)) is None else asdict(race),
        stages=dense_stages(candidates.terms) or None,
        **teacher,
        bn=dict(policy=settings.bn_policy, group=settings.bn_group),
        dtype=settings.dtype,
        budget={
            name: [bound if np.isfinite(bound) else None for bound in interval]
            for name, interval in settings.budget.intervals.items()
        },
        latencies=file_digest(settings.latencies) if settings.latencies else None,
        strategy=strategy.pop('type'),
        **strategy,
        num_feasible=len(candidates.feasible),
    )
