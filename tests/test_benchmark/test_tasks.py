import pytest

from gaia_ssl.benchmark.metrics import Metric
from gaia_ssl.benchmark.tasks import known_tasks, load_task
from gaia_ssl.utils import UserError
from gaia_ssl.utils.paths import CONFIGS


def test_tasks_are_the_configs_by_name_and_alias():
    known = known_tasks()
    assert known['coco_mask_rcnn'] == known['mask-rcnn_fpn_1x_coco']
    assert known['ade20k_fcn'] == known['fcn_d8_4xb4-80k_ade20k-512x512']
    assert set(known.values()) == set(CONFIGS.glob('benchmarks/*/*.py'))


def test_a_task_knows_its_figures_and_what_loads_weights(config, subnets):
    task = load_task(str(config), subnets[0])
    assert (task.name, task.config) == ('detect', config)
    assert [*task.metrics] == ['bbox_mAP', 'bbox_mAP_50', 'segm_mAP']
    assert task.weights == ('model.backbone.init_cfg', 'model.heads.0.init_cfg')


def test_a_config_declares_the_metrics_of_another_evaluator(config, subnets, tmp_path):
    text = config.read_text() + "\ntest_evaluator = dict(type='DumpResults')\n"
    other = tmp_path / 'other.py'
    other.write_text(text)
    with pytest.raises(UserError, match='declare them in the config: reported_metrics = dict'):
        load_task(str(other), subnets[0])
    other.write_text(f"{text}reported_metrics = dict(PQ=dict(key='panoptic/PQ', scale=0.01))\n")
    assert load_task(str(other), subnets[0]).metrics == dict(PQ=Metric('panoptic/PQ', 0.01))
