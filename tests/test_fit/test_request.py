"""What can be asked for."""

import json
from dataclasses import asdict, replace

import pytest

from gaia_ssl.fit.request import Request
from gaia_ssl.utils import UserError


@pytest.fixture
def request_(images, tmp_path):
    return Request(str(images), str(tmp_path))


def test_recipe_and_task(request_, images, tmp_path):
    (tmp_path / 'net.pth').touch()
    net = str(tmp_path / 'net.pth')
    assert (request_.start, request_.network, request_.kind) == ('scratch', None, 'global')
    taught = replace(request_, teacher=net, task='detection')
    assert (taught.start, taught.network, taught.kind) == ('teacher', net, 'dense')
    assert replace(request_, pretrained=net).start == 'pretrained'
    # it identifies a work dir
    asked = replace(request_, budget=dict(flops=['1M', '2M']), options={'a.b': 1})
    assert json.loads(json.dumps(asdict(asked))) == asdict(asked)


def test_objects(request_):
    judged = replace(request_, task='detection', labels='a/b.json:c/d')
    assert judged.objects == ('a/b.json', 'c/d')
    assert request_.objects is None


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(teacher='a', pretrained='b'), 'teacher: a supernet that starts from a network'),
        (dict(minutes=0), 'minutes: 0 is no time'),
        (dict(input_size=4), 'input_size: 4 pixels are too few'),
        (dict(teacher='missing.pth'), 'teacher: missing.pth does not exist'),
        (dict(images='missing'), 'images: missing does not exist'),
        (dict(work_dir='a{{b'), 'work_dir: a{{b has two braces in a row'),
        (dict(labels='a.json:b'), 'labels: a.json:b does not suit classification'),
        (dict(task='detection', labels='classes'), 'labels: classes does not suit detection'),
    ],
)
def test_what_does_not_go(request_, changes, message):
    with pytest.raises(UserError, match=message):
        replace(request_, **changes)


def test_images_are_a_folder(request_, tmp_path):
    (tmp_path / 'list.txt').touch()
    with pytest.raises(UserError, match='list.txt is not a folder'):
        replace(request_, images=str(tmp_path / 'list.txt'))
