"""What the machine at hand is called."""

import platform
from pathlib import Path


def cpu_name() -> str:
    """The processor's model, as the system knows it."""
    info = Path('/proc/cpuinfo')
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()
