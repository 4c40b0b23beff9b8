"""The configs of the downstream trainings, on a subnet's folder, and what the plan overrides."""

import re
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config

from gaia_ssl.benchmark.quickstart.plan import DATA, FULL, SHORT, SMOKE, SUPERNET, TASKS, make_plan
from gaia_ssl.engine.downstream import load_downstream_config
from gaia_ssl.utils import UserError


@pytest.fixture
def load(extracted, monkeypatch, tmp_path):
    """Loads the config of a task as the plan's train scripts do."""

    def load(task, data):
        stage = make_plan(tmp_path, data, False).finetune(task, 'pretrained', {})
        for name, value in dict(stage.env, GAIA_SSL_SUBNET=str(extracted)).items():
            monkeypatch.setenv(name, value)
        return Config.fromfile(stage.command[2])

    return load


def setting(config, key):
    for part in key.split('.'):
        config = config[int(part) if part.isdigit() else part]
    return config


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('task', TASKS)
def test_overrides_are_of_settings_that_there_are(load, task, data):
    config = load(task, data)
    assert setting(config, 'randomness.seed') == 0
    for budget in (FULL.finetune, SMOKE.finetune, SHORT):
        for key in budget.get(task, {}):
            assert isinstance(setting(config, key), int), key


def test_overrides_of_the_pretraining_too():
    config = Config.fromfile(SUPERNET)
    for key in {**FULL.pretrain, **SMOKE.pretrain}:
        assert isinstance(setting(config, key), int), key


@pytest.mark.parametrize('data', DATA)
def test_heads_and_classes_agree(load, tmp_path, data):
    root = dict(scenes='data', coco20='coco20')[data]
    detector = load('detection', data)
    dataset = detector.train_dataloader.dataset
    heads = detector.model.roi_head
    assert heads.bbox_head.num_classes == heads.mask_head.num_classes
    # without names of its own a COCO data set has COCO's 80
    assert heads.bbox_head.num_classes == len(dataset.metainfo.get('classes', range(80)))
    assert dataset.data_root == f'{tmp_path}/{root}/coco/'
    assert detector.val_evaluator.ann_file.startswith(dataset.data_root)

    segmentor = load('segmentation', data)
    dataset = segmentor.train_dataloader.dataset
    assert dataset.data_root == f'{tmp_path}/{root}/ade'
    num = len(set(dataset.metainfo.classes))
    assert num == dict(scenes=9, coco20=133)[data]
    for head in (segmentor.model.decode_head, segmentor.model.auxiliary_head):
        assert head.num_classes == num
        assert len(head.loss_decode.get('class_weight') or [1.0] * num) == num


@pytest.mark.parametrize('data', DATA)
@pytest.mark.parametrize('task', TASKS)
def test_nothing_is_downloaded_and_the_subnet_is_loaded(load, extracted, task, data):
    config = load(task, data)
    assert config.model.backbone.type == 'gaia_ssl.SubnetResNet'
    assert config.model.backbone.init_cfg.checkpoint == f'{extracted}/backbone.pth'
    assert '://' not in str(config.model)


@pytest.mark.parametrize('task', TASKS)
def test_the_default_subnet_is_the_quickstarts(extracted, task, tmp_path, monkeypatch):
    """From any directory: the one beside the folder of configs."""
    config = Path(make_plan(tmp_path, 'scenes', False).finetune(task, 'pretrained', {}).command[2])
    own = tmp_path / 'configs/quickstart' / config.name
    own.parent.mkdir(parents=True)
    shutil.copy(config, own)
    monkeypatch.delenv('GAIA_SSL_SUBNET', raising=False)
    monkeypatch.chdir(tmp_path)
    kind = re.search(r'work_dirs/quickstart/(\w+)}}', config.read_text())[1]
    with pytest.raises(
        UserError, match=f'^config: .* reads {tmp_path}/work.*/{kind}/mm.*.py, which'
    ):
        load_downstream_config(str(own))
    (tmp_path / 'work_dirs/quickstart').mkdir(parents=True)
    (tmp_path / 'work_dirs/quickstart' / kind).symlink_to(extracted)
    monkeypatch.chdir('/')
    assert load_downstream_config(str(own)).model.backbone.type == 'gaia_ssl.SubnetResNet'
