import hashlib
import json

from mmengine.config import Config

from gaia_ssl.datasets import TrainingImages
from gaia_ssl.engine.provenance import (
    TESTING,
    describe_config,
    describe_dataset,
    read_record,
    write_record,
)


def test_files_count_by_their_content_and_speed_not_at_all(tmp_path):
    (tmp_path / 'list.txt').write_text('a.jpg\n')
    (tmp_path / 'net.pth').write_bytes(b'weights')

    def describe(workers=2, root=tmp_path, **sections):
        dataset = dict(type='D', data_root=str(root), ann_file='list.txt')
        loader = dict(batch_size=(2, 3), num_workers=workers, dataset=dict(dataset=dataset))
        weights = dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'))
        config = dict(train_dataloader=loader, model=dict(init_cfg=weights), log_level='INFO')
        return describe_config(Config({**config, **sections}))

    def sha(content):
        return f'sha256:{hashlib.sha256(content).hexdigest()}'

    first = describe()
    assert first == json.loads(json.dumps(first)) == describe(workers=0, work_dir='elsewhere')
    assert first['model']['init_cfg']['checkpoint'] == sha(b'weights')
    inside = first['train_dataloader']['dataset']['dataset']
    assert inside['ann_file'] == sha(b'a.jpg\n')
    (tmp_path / 'list.txt').write_text('b.jpg\n')
    assert describe() != first
    assert describe(load_from='https://a/b.pth')['load_from'] == 'https://a/b.pth'


def test_a_test_is_told_by_sections_of_its_own():
    config = Config(dict(model=dict(a=1), test_cfg=dict(b=2)))
    assert describe_config(config) == dict(model=dict(a=1))
    assert describe_config(config, TESTING) == dict(test_cfg=dict(b=2))


def test_images_count_by_their_names(tmp_path):
    found = []
    for root in ('one', 'two'):
        (tmp_path / root).mkdir()
        for name in ('a.jpg', 'b.jpg'):
            (tmp_path / root / name).touch()
        found.append(describe_dataset(TrainingImages(data_root=str(tmp_path / root))))
    assert found[0] == found[1] and found[0]['number'] == 2
    (tmp_path / 'two/b.jpg').rename(tmp_path / 'two/c.jpg')
    assert describe_dataset(TrainingImages(data_root=str(tmp_path / 'two'))) != found[0]


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    assert read_record(str(tmp_path)) is None
    write_record(str(tmp_path), dict(a=1), dict(number=2))
    assert read_record(str(tmp_path)) == dict(config=dict(a=1), images=dict(number=2))
    (tmp_path / 'training.json').write_text('{')
    assert read_record(str(tmp_path)) is None
