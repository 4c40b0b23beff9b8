"""Folders of the package, in a checkout and in an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
"""The folder that holds the package: what a child process needs on its ``PYTHONPATH``."""
# In a checkout both are links to the folders beside the package.
CONFIGS = (PACKAGE / '.mim' / 'configs').resolve()
TOOLS = (PACKAGE / '.mim' / 'tools').resolve()
