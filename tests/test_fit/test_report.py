"""The page of a fit."""

import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gaia_ssl.benchmark.stages import Records
from gaia_ssl.fit.plan import Plan
from gaia_ssl.fit.report import make_report, write_report
from gaia_ssl.fit.request import Request
from gaia_ssl.fit.stages import Stages
from gaia_ssl.utils.paths import ROOT

ARCH = dict(stem_width=8, width=[8, 16, 32, 64], depth=[1, 1, 1, 1])
ROW = dict(arch=ARCH, flops=5_500_000, params=210_000, distance=0.125)
STANDING = dict(
    judge='kNN top-1',
    pick=60.0,
    error=1.5,
    best=61.0,
    random=57.5,
    deviation=1.9,
    beaten=0.75,
    correlation=0.35,
)


class Page(HTMLParser):
    """Collects the cells, links and pictures of a page, and checks that tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.links, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ('meta', 'img'):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ('href', 'src')]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ('td', 'th'):
            self.cells.append(data)


@pytest.fixture
def fitted(images, labels, tmp_path):
    """A request and a plan whose stages are done."""
    asked = Request(str(images), str(tmp_path / 'a & b'), labels=str(labels))
    search = dict(flops=['5M', '6M'], num_images=48)
    seconds = dict(pretrain=10.0, search=5.0, extract=3.0)
    about = dict(number=48, side=32, gray=0.0)
    plan = Plan('MoCo v2', about, 32, 2, 6, 100, search, seconds, 2**30, 30)
    stages = Stages(asked)
    folder = stages.folder / 'search'
    folder.mkdir(parents=True)
    result = dict(meta=dict(num_feasible=100), subnets=[ROW], anchors=[])
    (folder / 'search.json').write_text(json.dumps(result))
    judged = dict(ROW, roles=['rank 1', 'random'], judges={'kNN top-1': 60.0})
    report = dict(standings=[STANDING], subnets=[judged], labels_count=8)
    (folder / 'judge.json').write_text(json.dumps(report))
    (folder / 'distance.png').touch()
    stages.subnet.mkdir()
    (stages.subnet / 'mmpretrain_linear_imagenet.py').touch()
    records = Records(stages.folder)
    for start, stage in enumerate([*stages.before(), *stages.after(plan)]):
        records[stage.name] = dict(start=start, end=start + 2.5, attempts=1, result={})
    return asked, plan


def test_what_is_reported(fitted):
    report = make_report(*fitted)
    assert report['pick'] == ROW and report['standings'] == [STANDING]
    assert report['subnets'][0]['judges'] == {'kNN top-1': 60.0}
    stages = ['timing', 'views', 'pretrain', 'training', 'search', 'extract', 'neighbours']
    assert report['seconds'] == dict.fromkeys(stages, 2.5)
    assert report['estimated'] == fitted[1].seconds
    assert (report['num_scored'], report['num_feasible']) == (1, 100)
    train, extract = report['commands']
    labels, subnet = fitted[0].labels, Stages(fitted[0]).subnet
    setting, python, tool, _, config, *options = shlex.split(train)
    assert setting == f'GAIA_SSL_IMAGES={labels}' and python == 'python'
    assert (ROOT / tool).is_file() and (ROOT / config).is_file()
    assert options == ['--subnet', str(subnet)]
    assert '--rank 2' in extract
    unlabeled = make_report(replace(fitted[0], labels=None), fitted[1])
    assert unlabeled['standings'] == [] and unlabeled['subnets'] == [ROW]
    words = shlex.split(unlabeled['commands'][0])
    assert words[-1] == f'{subnet}/mmpretrain_linear_imagenet.py'


def test_the_page_and_what_is_said(fitted):
    asked, plan = fitted
    said = write_report(asked, plan)
    folder = Stages(asked).folder
    assert said.startswith('the pick: 5.50 MFLOPs, 210.00 k parameters')
    assert 'kNN top-1: the pick is better than random archs' in said
    assert said.endswith(f'all of it: {folder}/report.html')
    text = (folder / 'report.html').read_text()
    page = Page(text)
    assert page.open == []
    assert {'rank 1, random', '60.0', '5.50', '210.00', 'MFLOPs', '0.125'} <= {*page.cells}
    pages = ['search/search.html', 'search/judged/search.html']
    assert page.links == [*pages, 'search/distance.png']
    assert (folder / page.links[-1]).exists()
    assert 'a &amp; b' in text and not re.search(r'\$\w', text)
    assert json.loads((folder / 'report.json').read_text())['task'] == 'classification'


@pytest.mark.parametrize('width', [1200, 500])
def test_the_page_in_a_browser(fitted, show, width):
    write_report(*fitted)
    page = show(Stages(fitted[0]).folder / 'report.html', width)
    assert 'better than random archs' in page.inner_text('body')
    assert page.locator('a[href="search/search.html"]').is_visible()
