"""Sphinx settings. Build with: sphinx-build -W docs/en docs/en/_build"""

import runpy
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / '_ext'))

project = 'gaia_ssl'
copyright = 'the gaia_ssl authors'
release = runpy.run_path(str(DOCS.parents[1] / 'gaia_ssl' / 'version.py'))['__version__']

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.autosummary',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
    'config_tables',
    'exports',
    'outer_documents',
]
source_suffix = {'.rst': 'restructuredtext', '.md': 'markdown'}
exclude_patterns = ['_build']
templates_path = ['_templates']
myst_heading_anchors = 4  # levels of headings that links can name, as in a repository's viewer

autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_inherit_docstrings = False  # those of other projects are in other styles
autodoc_typehints = 'none'  # Google style gives the types

html_theme = 'sphinx_rtd_theme'
html_static_path = ['_static']
html_css_files = ['pages.css']
