"""Links to documents outside docs/en, which are not pages of the site: named by their paths."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parents[1]
LINK = re.compile(r'\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)#\s]+\.\w+)(#[^)\s]*)?\)')


def name_outer_documents(app, docname, source):
    """Replace the links in a page's source.

    Args:
        app (sphinx.application.Sphinx): The build.
        docname (str): The page.
        source (list[str]): Its text, as the only element.
    """
    folder = (DOCS / docname).parent

    def name(match):
        target = (folder / match['target']).resolve()
        if target.is_relative_to(DOCS):
            return match[0]
        return f'{match["text"]} (`{target.relative_to(ROOT)}`)'

    source[0] = LINK.sub(name, source[0])


def setup(app):
    """Register the replacement.

    Args:
        app (sphinx.application.Sphinx): The build.

    Returns:
        dict: Facts that Sphinx asks of an extension.
    """
    app.connect('source-read', name_outer_documents)
    return dict(parallel_read_safe=True)
