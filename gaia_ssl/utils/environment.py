"""Describe the machine and the versions of packages, for reports."""

import importlib.metadata
import os
import platform
from typing import Any

from gaia_ssl.utils.device import cpu_name

PACKAGES = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain')


def machine() -> dict[str, Any]:
    """Describe the processor, the cores that this process may use, and the system."""
    return dict(cpu=cpu_name(), cores=len(os.sched_getaffinity(0)), system=platform.platform())


def versions() -> dict[str, str]:
    """Look up the versions of Python and of the packages, whatever their distributions' names."""
    distributions = importlib.metadata.packages_distributions()
    found = {
        name: importlib.metadata.version(distributions[name][0])
        for name in PACKAGES
        if name in distributions
    }
    return dict(python=platform.python_version(), **found)


def as_line(report: dict[str, Any]) -> str:
    """Describe a report's ``machine`` and ``versions`` in one line."""
    about = ', '.join(f'{name} {version}' for name, version in report['versions'].items())
    return f'{report["machine"]["cores"]} cores of {report["machine"]["cpu"]}; {about}.'
