"""Time a command: seconds of all its processes, and of the clock."""

import argparse
import json
import os
import subprocess
import sys
import time

from gaia_ssl.utils.files import atomic_write


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='JSON file to write')
    parser.add_argument('command', nargs=argparse.REMAINDER, help='the command and its arguments')
    args = parser.parse_args()
    if not args.command:
        parser.error('command: missing; give one after the file')
    return args


def main() -> None:
    args = parse_args()
    start = time.monotonic()
    process = subprocess.Popen(args.command)
    # with the processes that the command started and waited for, e.g. a data loader's
    _, status, usage = os.wait4(process.pid, 0)
    times = dict(cpu=usage.ru_utime + usage.ru_stime, wall=time.monotonic() - start)
    with atomic_write(args.out) as file:
        json.dump(times, file)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == '__main__':
    main()
