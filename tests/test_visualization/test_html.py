"""The page: what it holds, that it needs nothing else, and that it runs where node is there."""

import json
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from gaia_ssl.utils.pareto import pareto_rows
from gaia_ssl.visualization import html, write_html

HOSTILE = '</script><script>alert(1)</script><!--<script>"\'&\u2028'
# the little of a browser that the page asks for; a click on the best subnet, without a clipboard
BROWSER = """
const calls = [];
const pen = new Proxy({}, {get: (o, k) => o[k] ?? ((...a) => calls.push([k, ...a])),
                           set: (o, k, v) => { o[k] = v; return true; }});
const nodes = {};
const make = id => ({id, style: {}, listeners: {}, options: [], offsetWidth: 90, offsetHeight: 90,
  getContext: () => pen, getBoundingClientRect: () => ({left: 0, top: 0, width: 900, height: 600}),
  addEventListener(name, f) { this.listeners[name] = f; }, append(o) { this.options.push(o); },
  setPointerCapture() {}, select() { this.selected = true; }});
const page = require('fs').readFileSync(process.argv[2], 'utf8');
const scripts = [...page.matchAll(/<script[^>]*>([^]*?)<\\/script>/g)].map(m => m[1]);
const document = {getElementById: id => nodes[id] ??= make(id), createElement: make,
                  execCommand: () => false};
const window = {devicePixelRatio: 2, addEventListener() {}};
document.getElementById('data').textContent = scripts[0];
const run = new Function('document', 'window', 'navigator', 'requestAnimationFrame',
  scripts[1] + '; return {xs, ys, num, size, shades,'
  + 'near: (...at) => nearest(grid, xs, ys, ...at)}');
const app = run(document, window, {}, f => f());
const wrong = [];
for (let k = 0; k < 300; k++) {
  const [x, y, reach] = [(k * 37) % 900, (k * 91) % 600, 5 + k];
  let [best, least] = [-1, reach * reach];
  for (let i = 0; i < app.size; i++) {
    const d = (app.xs[i] - x) ** 2 + (app.ys[i] - y) ** 2;
    if (d < least) [best, least] = [i, d];
  }
  if (app.near(x, y, reach) !== best) wrong.push([x, y, reach]);
}
const at = {clientX: app.xs[3], clientY: app.ys[3], deltaY: -100, preventDefault() {}};
const over = nodes.over.listeners;
over.pointermove(at);
const tip = nodes.tip.textContent;
over.pointerdown(at); over.pointerup(at);
nodes.axis.listeners.change({target: {selectedIndex: nodes.axis.options.length - 1}});
over.wheel(at);
nodes.color.listeners.change({target: {selectedIndex: 2}});
nodes.color.listeners.change({target: {selectedIndex: 0}});
const texts = calls.filter(call => call[0] === 'fillText').map(call => call[1]);
const rows = nodes.top.options;
const listed = rows.map(row => row.options.map(cell => String(cell.textContent)));
setTimeout(() => {
  const {copied, status, title} = nodes;
  const first = copied.value;
  nodes.copies.selectedIndex = 1;
  rows[2].listeners.click();
  console.log(JSON.stringify({
    wrong, tip, texts, num: app.num, copied: first, command: copied.value, listed,
    selected: copied.selected,
    status: status.textContent, title: title.textContent,
    shades: app.shades([3, 1, 2, 3, 9, 9, 8, 0]), ramp: nodes.ramp.hidden,
    copies: nodes.copies.options.length,
  }));
}, 20);
"""


class Scripts(HTMLParser):
    """The scripts of a page as a browser tells them apart, and every attribute."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.attributes, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.attributes += attributes
        self.inside = tag == 'script'
        if self.inside:
            self.scripts.append('')

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, text):
        if self.inside:
            self.scripts[-1] += text


def written(tmp_path, result):
    path = tmp_path / 'search.html'
    write_html(result, str(path))
    assert list(tmp_path.iterdir()) == [path]
    return path.read_text(encoding='utf-8')


@pytest.fixture
def hostile(make_result):
    result = make_result(flops_budget=(3e6, 5e6), memory=10**5, latency=0.002)
    result['meta']['images'] = result['meta']['task'] = HOSTILE
    result['anchors'][0]['name'] = result['meta']['config'] = HOSTILE
    result['meta']['checkpoint'] = 'epoch 1.pth'
    for row in result['subnets']:
        row['arch']['kind'] = HOSTILE
    return result


def test_it_holds_the_result(tmp_path, hostile):
    data = json.loads(Scripts(written(tmp_path, hostile)).scripts[0])
    costs = [axis['cost'] for axis in data['axes']]
    assert costs == ['flops', 'params', 'memory', 'latency']
    columns = [data['archs'], data['distance'], *(axis['values'] for axis in data['axes'])]
    names = ['arch', 'distance', *costs]
    rows = [dict(zip(names, values)) for values in zip(*columns, strict=True)]
    assert data['meta'] == hostile['meta']
    assert rows[:7] == hostile['subnets']
    named = zip(data['anchors'], rows[7:], strict=True)
    assert [dict(name=name, **row) for name, row in named] == hostile['anchors']
    assert data['axes'][0]['budget'] == [3e6, 5e6] and data['axes'][1]['budget'] == [None, None]
    for axis in data['axes']:
        front = pareto_rows(hostile['subnets'], [axis['cost']])
        assert sorted(axis['front']) == [hostile['subnets'].index(row) for row in front]
        values = [axis['values'][i] for i in axis['front']]
        assert values == sorted(values)


def test_terms_of_a_sum_are_axes(tmp_path, make_result):
    result = make_result()
    result['meta']['distances'] = [dict(type='dense_mse'), dict(type='global_label_knn')]
    rows = [*result['subnets'], *result['anchors']]
    for index, row in enumerate(rows):
        row['terms'] = [row['distance'], -float(index)]
    data = json.loads(Scripts(written(tmp_path, result)).scripts[0])
    first, second = data['axes'][-2:]
    assert [axis['cost'] for axis in data['axes']][-2:] == ['mse', 'global_label_knn']
    assert first['values'] == [row['distance'] for row in rows]
    assert second['values'] == [-float(index) for index in range(len(rows))]
    assert second['window'][0] < second['window'][1] and second['budget'] == [None, None]


def test_images_of_a_race_are_an_axis(tmp_path, make_result):
    result = make_result()
    for row in [*result['subnets'], *result['anchors']]:
        row['images'] = 64
    data = json.loads(Scripts(written(tmp_path, result)).scripts[0])
    assert data['axes'][-1]['cost'] == 'images' and set(data['axes'][-1]['values']) == {64}


def test_images_are_named_as_people_write_them(make_result):
    for images, note in (('a', 'a'), (['a', 'b c'], 'a, b c')):
        result = make_result()
        result['meta']['images'] = images
        assert html.page_data(result)['note'] == f'7 subnets; images: {note}'


def test_the_command_that_extracts(make_result):
    meta = dict(make_result()['meta'], config='a b.py', checkpoint='c.pth', input_size=64)
    before, after = html.page_data(dict(make_result(), meta=dict(meta, weights='ema')))['extract']
    words = shlex.split(before + 'X' + after)
    assert words[1:] == ['tools/extract.py', 'a b.py', 'c.pth', '--arch', 'X'] + shlex.split(
        '--input-size 64 --weights ema --out work_dirs/subnet'
    )
    del meta['config']
    assert html.page_data(dict(make_result(), meta=meta))['extract'] is None


def test_nothing_of_the_file_is_markup(tmp_path, hostile):
    text = written(tmp_path, hostile)
    page = Scripts(text)
    assert len(page.scripts) == 2 and '</script><script>alert' not in text
    # and the page itself makes none of it
    assert not re.search(r'innerHTML|outerHTML|insertAdjacent|document\.write|eval\(', text)


def test_it_needs_no_other_file(tmp_path, make_result):
    text = written(tmp_path, make_result())
    assert not re.search(r'https?:|//\w+\.\w|url\(|@import|fetch\(|XMLHttp|import\(', text)
    assert not {'src', 'href'} & {name for name, _ in Scripts(text).attributes}
    assert "default-src 'none'" in text


@pytest.mark.skipif(not shutil.which('node'), reason='runs the page in node')
def test_it_runs(tmp_path, hostile):
    written(tmp_path, hostile)
    script = tmp_path / 'browser.js'
    script.write_text(BROWSER)
    done = subprocess.run(
        ['node', script, tmp_path / 'search.html'], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['wrong'] == [] and found['num'] == 7
    assert found['title'].lower().startswith(HOSTILE.lower())
    assert found['tip'].startswith('rank 4 of 7\ndistance: 0.2')
    assert 'flops: 5.0000 MFLOPs' in found['tip'] and 'width: [8,5]' in found['tip']
    assert {HOSTILE, 'MIN', '★', 'latency of a batch (ms)'} <= set(found['texts'])
    assert json.loads(found['copied']) == hostile['subnets'][3]['arch']
    # the second row of the list, as a command of the shell
    assert found['copies'] == 2
    words = shlex.split(found['command'])
    assert words[:4] == ['python', 'tools/extract.py', HOSTILE, 'epoch 1.pth']
    assert json.loads(words[words.index('--arch') + 1]) == hostile['subnets'][1]['arch']
    assert len(found['listed']) == 8 and found['listed'][0][:3] == [
        'rank',
        'distance',
        'flops MFLOPs',
    ]
    assert found['listed'][4][0] == '4' and '8-5' in found['listed'][4]
    # colours by rank, of seven subnets; none again at last
    assert found['shades'][1] == 'hsl(250, 65%, 50%)' and len(found['shades']) == 7
    assert found['shades'][0] == found['shades'][3] and found['shades'][4] == found['shades'][5]
    assert found['ramp'] is True
    # no clipboard: the text is there, selected, and the page says so
    assert found['selected'] and 'press Ctrl+C' in found['status']
