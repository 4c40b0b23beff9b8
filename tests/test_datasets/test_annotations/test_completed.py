"""Completed copies of annotation files."""

import json

import pytest
from mmengine.config import ConfigDict

from gaia_ssl.datasets.annotations.completed import CocoFiles


def test_a_completed_file_takes_the_place_of_the_old(tmp_path, coco):
    good, bad = coco(), coco(lambda c: c['annotations'][0].pop('area'), 'b.json')
    before = bad.read_bytes()
    settings = [ConfigDict(ann_file=path) for path in (str(good), 'b.json', 'b.json')]
    files = CocoFiles()
    for path, user in zip((good, bad, bad), settings):
        files.get(str(path), user)
    with pytest.warns(UserWarning, match='b.json: "area" is missing in 1 of 4 .*0_b.json') as told:
        files.use_completed(str(tmp_path / 'work'))
    assert len(told) == 1
    new = str(tmp_path / 'work' / 'annotations' / '0_b.json')
    assert [user.ann_file for user in settings] == [str(good), new, new]
    with open(new) as file:
        assert json.load(file)['annotations'][0]['area'] == 32
    assert bad.read_bytes() == before


def test_complete_files_leave_no_folder(tmp_path, coco):
    files = CocoFiles()
    files.get(str(coco()), ConfigDict())
    files.use_completed(str(tmp_path / 'work'))
    assert not (tmp_path / 'work').exists()
