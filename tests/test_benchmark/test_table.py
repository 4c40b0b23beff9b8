from gaia_ssl.benchmark.arms import make_arms
from gaia_ssl.benchmark.launch import Launch
from gaia_ssl.benchmark.runs import make_runs
from gaia_ssl.benchmark.table import as_csv, as_markdown, collect
from gaia_ssl.benchmark.tasks import load_task


def test_what_slurm_ran_is_collected(tmp_path, config, subnets):
    task = load_task(str(config), subnets[0])
    arms = make_arms(subnets, [], tmp_path)
    runs = make_runs([task], arms, tmp_path, [], Launch('slurm', 8, 'gpus'))
    result = tmp_path / 'detect/R18/test/20260101_000000'
    result.mkdir(parents=True)
    (result / '20260101_000000.json').write_text('{"time": 1.0}')
    found = collect(runs, {})
    assert [row['status'] for row in found['runs']] == ['unfinished', 'done']
    # MMDetection logs no figure where nothing is found
    assert found['runs'][1]['figures'] == dict(bbox_mAP=0.0, bbox_mAP_50=0.0, segm_mAP=0.0)
    assert '| unfinished | unfinished | unfinished |' in as_markdown(found)
    assert as_csv(found).count('\n') == 1 + 1 + 3


def test_costs_are_in_the_unit_of_the_largest_and_may_be_unknown(tmp_path, config, subnets):
    task = load_task(str(config), subnets[0])
    arms = make_arms(subnets, [], tmp_path)
    found = collect(make_runs([task], arms, tmp_path, [], Launch('none', 1, None)), {})
    first, second = found['arms'].values()
    first.update(flops=2_220_000, params=699_710)
    second.update(flops=None, params=None)
    head, _, *rows = [line for line in as_markdown(found).splitlines() if line.startswith('|')]
    assert head.startswith('|  | backbone MFLOPs | k parameters | ')
    assert [row.split(' | ')[1:3] for row in rows] == [['2.22', '699.71'], ['', '']]
