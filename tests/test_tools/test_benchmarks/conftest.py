import sys
from pathlib import Path

for name in ('quickstart', 'benchmarks'):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'tools' / name))
