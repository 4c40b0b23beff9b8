import json


def test_a_picture(call, tmp_path):
    log = tmp_path / 'work' / '20250101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(dict(loss=1.0, step=50)) + '\n')
    out = tmp_path / 'training.png'
    code, text, err = call('plot_training', tmp_path / 'work', '--out', out)
    assert code == 0, err
    assert text == f'{out}\n' and out.read_bytes().startswith(b'\x89PNG')


def test_mistakes(call, tmp_path):
    code, _, err = call('plot_training', tmp_path, '--out', 'a.doc')
    assert code == 2 and err.startswith('error: --out: a.doc does not end')
    code, _, err = call('plot_training', tmp_path, '--out', tmp_path / 'a.png')
    assert code == 2 and err.startswith(f'error: WORK_DIR: {tmp_path} has no log')
    assert err.count('\n') == 1 and not (tmp_path / 'a.png').exists()
