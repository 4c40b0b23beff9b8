"""What figures were measured on."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

PACKAGES = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain')


def machine() -> dict[str, Any]:
    """The processor, the cores that this process may use, and the system."""
    cpu = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        models = [line for line in info.read_text().splitlines() if line.startswith('model name')]
        cpu = models[0].partition(':')[2].strip() if models else cpu
    return dict(cpu=cpu, cores=len(os.sched_getaffinity(0)), system=platform.platform())


def versions() -> dict[str, str]:
    """Versions of Python and of what matters, under whatever name it was installed."""
    distributions = importlib.metadata.packages_distributions()
    found = {
        name: importlib.metadata.version(distributions[name][0])
        for name in PACKAGES
        if name in distributions
    }
    return dict(python=platform.python_version(), **found)


def as_line(report: dict[str, Any]) -> str:
    """A report's ``machine`` and ``versions`` in a sentence."""
    about = ', '.join(f'{name} {version}' for name, version in report['versions'].items())
    return f'{report["machine"]["cores"]} cores of {report["machine"]["cpu"]}; {about}.'
