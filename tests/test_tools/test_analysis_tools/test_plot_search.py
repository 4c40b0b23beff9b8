from pathlib import Path


def test_one(search, call):
    path = Path(search('a', latency=0.01))
    code, out, err = call('plot_search', path, '--x', 'latency', '--html')
    assert code == 0, err
    written = [path.parent / 'search_latency.png', path.parent / 'search.html']
    assert out.split() == [str(file) for file in written]
    assert written[0].read_bytes().startswith(b'\x89PNG')
    assert written[1].read_text().startswith('<!DOCTYPE html>')
    assert set(path.parent.iterdir()) == {path, *written}


def test_several(search, call, tmp_path):
    out = tmp_path / 'new' / 'folder'
    paths = [search('a'), search('b', shift=3)]
    code, _, err = call('plot_search', *paths, '--out', out, '--html')
    assert code == 0, err
    names = {'searches_flops.png', 'search_a.html', 'search_b.html'}
    assert {path.name for path in out.iterdir()} == names


def test_a_cost_that_it_lacks(search, call):
    path = Path(search('a'))
    code, _, err = call('plot_search', path, '--x', 'memory', '--html')
    assert code == 2 and 'has no memory; it has flops, params' in err
    assert list(path.parent.iterdir()) == [path]
