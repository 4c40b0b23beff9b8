import json

import pytest

from gaia_ssl.search.compare import compare
from gaia_ssl.space.search_json import load_results


def test_files(search, call, tmp_path):
    paths = [search('a'), search('b', shift=5), search('c', shift=1)]
    out = [str(tmp_path / f'compare.{kind}') for kind in ('md', 'json', 'png')]
    code, text, err = call('compare_searches', *paths, '--top', '4', '50%', '--out', *out)
    assert code == 0, err
    found = json.loads((tmp_path / 'compare.json').read_text())
    assert found == compare(load_results(paths), ['4', '50%'])
    assert (tmp_path / 'compare.md').read_text() == text
    assert (tmp_path / 'compare.png').read_bytes().startswith(b'\x89PNG')
    assert text.startswith('# a against b against c\n')
    assert '| seed | 0 | 5 | 1 |' in text
    assert f'| a | 1.000 | {found["spearman"][0][1]:.3f} | {found["spearman"][0][2]:.3f} |' in text
    # the best of b is the 16th of a
    assert '| best of b | 16 | 1 |' in text
    assert '## Shared among the best 4\n\n0.8 by chance.' in text


@pytest.mark.parametrize(
    'arguments, message',
    [
        ([], 'one search alone'),
        (['--out', 'x.pdf'], 'x.pdf does not end in .md'),
    ],
)
def test_mistakes(search, call, arguments, message):
    code, out, err = call('compare_searches', search('a'), *arguments)
    assert code == 2 and out == '' and message in err


def test_a_top_of_too_many(search, call, tmp_path):
    out = tmp_path / 'compare.md'
    paths = search('a'), search('b')
    code, _, err = call('compare_searches', *paths, '--top', '21', '--out', out)
    assert code == 2 and 'top: 21 is not in 1 to 20' in err and not out.exists()
