"""Runs a command as on a full disk: ``full_disk.py BYTES COMMAND ...``.

No file can grow beyond that many bytes.
"""

import resource
import runpy
import sys

limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), limit))
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name='__main__')
