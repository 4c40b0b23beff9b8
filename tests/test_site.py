"""Pages that are made when the documents are built name every config and every exported name."""

import io
import shutil
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from sphinx.application import Sphinx

import gaia_ssl
from gaia_ssl import models

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.filterwarnings('ignore::PendingDeprecationWarning')
ROOMS = [
    f'{package.__name__}.{module.name}'
    for package in (gaia_ssl, models)
    for module in iter_modules(package.__path__)
    if module.ispkg
]


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The pages, built from a copy since it writes the API's pages there."""
    folder = tmp_path_factory.mktemp('site')
    docs = folder / 'docs' / 'en'
    shutil.copytree(ROOT / 'docs' / 'en', docs, ignore=shutil.ignore_patterns('_build', 'api'))
    shutil.copy(ROOT / 'README.md', folder)  # of which the front page includes parts
    out, warnings = folder / 'out', io.StringIO()
    app = Sphinx(docs, ROOT / 'docs/en', out, out, 'html', status=None, warning=warnings)
    app.build()
    assert not warnings.getvalue()
    return app


def test_config_page_lists_every_config(site):
    page = site.env.get_doctree('configs').astext()
    configs = [path for path in ROOT.glob('configs/**/*.py') if '_base_' not in path.parts]
    assert len(configs) > 50
    assert not [path.name for path in configs if path.name not in page.split()]


@pytest.mark.parametrize('room', ROOMS)
def test_api_documents_every_export(site, room):
    documented = site.env.get_domain('py').objects
    exported = getattr(import_module(room), '__all__', ())
    assert not [name for name in exported if f'{room}.{name}' not in documented]


@pytest.mark.slow
@pytest.mark.parametrize('width', [1200, 500])
def test_pages_fit_a_window(site, show, width):
    pages = sorted(Path(site.outdir).rglob('*.html'))
    assert len(pages) > 30
    for path in pages:
        show(path, width).close()
