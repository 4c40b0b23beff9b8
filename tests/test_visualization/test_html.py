"""The page: what it holds, that it needs nothing else, and what it does in a browser."""

import json
import re
import shlex
from html.parser import HTMLParser

import pytest

from gaia_ssl.utils.pareto import pareto_rows
from gaia_ssl.visualization import html, write_html

HOSTILE = '</script><script>alert(1)</script><!--<script>"\'&\u2028'
# notes what is drawn; the clipboard is not there
NOTES = """
window.drawn = [];
const {fillText} = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.fillText = function (...args) {
  window.drawn.push(args[0]);
  fillText.apply(this, args);
};
Object.defineProperty(navigator, 'clipboard', {value: undefined});
document.execCommand = () => false;
"""
# points whose nearest subnet is not the one that a plain loop finds
NEAREST = """
[...Array(300).keys()].map(k => [(k * 37) % 900, (k * 91) % 600, 5 + k]).filter(([x, y, reach]) => {
  let [best, least] = [-1, reach * reach];
  for (let i = 0; i < size; i++) {
    const d = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
    if (d < least) [best, least] = [i, d];
  }
  return nearest(grid, xs, ys, x, y, reach) !== best;
})
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


def wait_for(page, expression):
    """Wait for an expression; the page forbids the eval of Playwright's own waiting."""
    for _ in range(250):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    pytest.fail(f'never true: {expression}')


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


@pytest.mark.parametrize('width', [1200, 500])
def test_it_is_driven_in_a_browser(tmp_path, hostile, show, width):
    written(tmp_path, hostile)
    page = show(tmp_path / 'search.html', width)
    drawing = "document.getElementById('under').toDataURL()"
    canvas, tip = page.locator('#over'), page.locator('#tip')
    first = page.evaluate(drawing)
    canvas.hover(position=page.evaluate('({x: xs[3], y: ys[3]})'))
    assert tip.inner_text().startswith('rank 4 of 7\ndistance: 0.2')
    inside = tip.bounding_box()
    assert inside['x'] >= 0 and inside['x'] + inside['width'] <= width
    page.mouse.wheel(0, -300)
    wait_for(page, f'{drawing} !== {json.dumps(first)}')
    page.click('#reset')
    wait_for(page, f'{drawing} === {json.dumps(first)}')
    page.select_option('#axis', index=3)
    wait_for(page, f'{drawing} !== {json.dumps(first)}')
    page.select_option('#color', index=2)
    assert page.locator('#ramp').is_visible()
    for copied, row, part in (('0', 2, 0), ('1', 5, 1)):
        page.select_option('#copies', index=int(copied))
        page.locator('#top tr').nth(row).click()
        status = f'The arch of rank {row} is copied:'
        wait_for(page, f"document.getElementById('status').textContent === '{status}'")
        text = page.locator('#copied').input_value()
        arch = shlex.split(text)[5] if part else text
        assert json.loads(arch) == hostile['subnets'][row - 1]['arch']
        # what the clipboard holds
        page.locator('#copied').evaluate("field => { field.readOnly = false; field.value = ''; }")
        page.locator('#copied').press('Control+V')
        assert page.locator('#copied').input_value() == text


def test_what_is_drawn_and_found(tmp_path, hostile, show):
    written(tmp_path, hostile)
    page = show(tmp_path / 'search.html', script=NOTES)
    assert page.locator('#title').inner_text().lower().startswith(HOSTILE.lower())
    assert page.evaluate(NEAREST) == [] and page.evaluate('num') == 7
    page.select_option('#axis', index=3)
    wait_for(page, "drawn.includes('latency of a batch (ms)')")
    assert {HOSTILE, 'MIN', '★'} <= {*page.evaluate('drawn')}
    rows = [row.inner_text().split('\t') for row in page.locator('#top tr').all()]
    assert len(rows) == 8 and rows[0][:3] == ['rank', 'distance', 'flops MFLOPs']
    assert rows[4][0] == '4' and '8-5' in rows[4]
    # colours by rank, of seven subnets
    shades = page.evaluate('shades([3, 1, 2, 3, 9, 9, 8, 0])')
    assert shades[1] == 'hsl(250, 65%, 50%)' and len(shades) == 7
    assert shades[0] == shades[3] and shades[4] == shades[5]
    # without a clipboard the text is there, selected, and the page says so
    page.select_option('#copies', index=1)
    page.locator('#over').click(position=page.evaluate('({x: xs[1], y: ys[1]})'))
    wait_for(page, "document.getElementById('status').textContent.includes('press Ctrl+C')")
    selected = page.evaluate('document.activeElement.value')
    words = shlex.split(selected)
    assert words[:4] == ['python', 'tools/extract.py', HOSTILE, 'epoch 1.pth']
    assert json.loads(words[words.index('--arch') + 1]) == hostile['subnets'][1]['arch']
