"""Records: which stages are done."""

import os

import pytest

from gaia_ssl.benchmark.stages import Records, Stage
from gaia_ssl.utils.files import write_json


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path)


def stage(name, *needs, outputs=()):
    return Stage(name, [], outputs, needs=needs)


def test_a_record_is_a_file_of_its_own(records, tmp_path):
    assert 'first' not in records
    records['first'] = dict(start=1.0, attempts=1)
    records['below/first'] = dict(start=2.0, attempts=3)
    assert records['first'] == dict(start=1.0, attempts=1)
    assert records['below/first']['attempts'] == 3
    assert (tmp_path / 'stages' / 'below' / 'first.json').is_file()


def test_done_needs_a_whole_record_and_the_outputs(records, tmp_path):
    output = tmp_path / 'output'
    stages = [stage('first', outputs=[output])]
    assert records.done(stages) == set()
    output.touch()
    assert records.done(stages) == set()
    records['first'] = dict(start=1.0, attempts=1)
    assert records.done(stages) == set()
    records['first'] = dict(start=1.0, end=2.0, attempts=1, result={})
    assert records.done(stages) == {'first'}
    output.unlink()
    assert records.done(stages) == set()


@pytest.mark.parametrize(
    'first, done',
    [
        (dict(start=0.0, end=1.0), {'first', 'second', 'third'}),
        (dict(start=4.0, end=5.0), {'first'}),  # newer than what needs it
        (dict(start=4.0), set()),  # began again and is not through
        (None, set()),
    ],
)
def test_done_is_what_began_after_all_it_needs(records, first, done):
    if first:
        records['first'] = first
    records['second'] = dict(start=2.0, end=3.0)
    records['third'] = dict(start=3.0, end=4.0)
    assert (
        records.done([stage('first'), stage('second', 'first'), stage('third', 'second')]) == done
    )


def test_a_half_done_stage_is_current_until_what_it_needs_is_made_again(records):
    second = stage('second', 'first')
    records['first'] = dict(start=0.0, end=1.0)
    assert not records.is_current(second)
    records['second'] = dict(start=2.0)
    assert records.is_current(second)
    records['first'] = dict(start=3.0, end=4.0)
    assert not records.is_current(second)


def test_write_json_makes_whole_files(tmp_path):
    path = tmp_path / 'file.json'
    write_json(path, dict(a=[1]))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_json(path, dict(a=[1] * 99, b=object()))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ['file.json']
