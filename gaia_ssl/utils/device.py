"""The CPU's model name."""

import platform
from pathlib import Path


def cpu_name() -> str:
    """Get the model name of the CPU."""
    info = Path('/proc/cpuinfo')
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()
