"""Sphinx settings. Build with: sphinx-build -W docs/en docs/en/_build"""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

project = 'gaia_ssl'
copyright = 'the gaia_ssl authors'
release = runpy.run_path(str(ROOT / 'gaia_ssl' / 'version.py'))['__version__']

extensions = ['myst_parser', 'sphinx_copybutton']
source_suffix = {'.rst': 'restructuredtext', '.md': 'markdown'}
exclude_patterns = ['_build']
html_theme = 'sphinx_rtd_theme'
