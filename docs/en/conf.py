"""Sphinx settings. Build with: sphinx-build -W docs/en docs/en/_build"""

import re
import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parents[1]

project = 'gaia_ssl'
copyright = 'the gaia_ssl authors'
release = runpy.run_path(str(ROOT / 'gaia_ssl' / 'version.py'))['__version__']

extensions = ['myst_parser', 'sphinx_copybutton']
source_suffix = {'.rst': 'restructuredtext', '.md': 'markdown'}
exclude_patterns = ['_build']
myst_heading_anchors = 4  # levels of headings that links can name, as in a repository's viewer
html_theme = 'sphinx_rtd_theme'


def name_outer_documents(app, docname, source):
    """Name documents outside docs/en by their paths: they are no pages of the build."""
    folder = (DOCS / docname).parent

    def name(match):
        target = (folder / match['target']).resolve()
        if target.is_relative_to(DOCS):
            return match[0]
        return f'{match["text"]} (`{target.relative_to(ROOT)}`)'

    link = r'\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)#\s]+\.md)(#[^)\s]*)?\)'
    source[0] = re.sub(link, name, source[0])


def setup(app):
    app.connect('source-read', name_outer_documents)
