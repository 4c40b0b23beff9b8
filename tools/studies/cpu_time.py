"""Time a command: ``python cpu_time.py OUT.json COMMAND ...``."""

import json
import os
import subprocess
import sys
import time

from gaia_ssl.utils.files import atomic_write


def main() -> None:
    path, *command = sys.argv[1:]
    start = time.monotonic()
    process = subprocess.Popen(command)
    # with the processes that the command started and waited for, e.g. a data loader's
    _, status, usage = os.wait4(process.pid, 0)
    times = dict(cpu=usage.ru_utime + usage.ru_stime, wall=time.monotonic() - start)
    with atomic_write(path) as file:
        json.dump(times, file)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == '__main__':
    main()
