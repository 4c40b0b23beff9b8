import torch
from mmengine.config import Config

from gaia_ssl.evaluation import FolderProbes, Top1, evaluate_subnets, random_backbone
from gaia_ssl.space import count_cost, get_space

SPACE = get_space('tiny10to22')
MODEL = dict(backbone=dict(type='DynamicResNet', space='tiny10to22'))


def test_the_config_decides_the_random_weights():
    first, again = (random_backbone(Config(dict(model=MODEL))) for _ in range(2))
    other = random_backbone(Config(dict(model=MODEL, randomness=dict(seed=1))))
    assert torch.equal(first.conv1.weight, again.conv1.weight)
    assert not torch.equal(first.conv1.weight, other.conv1.weight)


def test_rows_hold_costs_and_both_accuracies():
    supernet, baseline = (
        random_backbone(Config(dict(model=MODEL, randomness=dict(seed=seed)))) for seed in (0, 1)
    )

    def knn(nets):
        # the sum of a weight tells which network was judged
        sums = {name: net.conv1.weight.sum().item() for name, net in nets.items()}
        return {name: Top1(found, -found) for name, found in sums.items()}

    judge = type('Judge', (), dict(input_size=32, __call__=lambda _, nets, **options: knn(nets)))()
    archs = dict(MIN=SPACE.min, R18=SPACE.anchors['R18'])
    rows = evaluate_subnets(judge, archs, supernet, baseline)
    assert [row['name'] for row in rows] == ['MIN', 'R18']
    for row in rows:
        arch = archs[row['name']]
        assert row['flops'] == count_cost(SPACE, arch, 32).flops
        for key, net in {'top1': supernet, 'top1_random': baseline}.items():
            weight = net.extract(arch).conv1.weight
            assert row[f'knn_{key}'] == round(float(weight.sum()), 4) == -row[f'linear_{key}']
    assert 'knn_top1_random' not in evaluate_subnets(judge, archs, supernet)[0]


def test_progress_is_told_and_no_log_of_random_weights(labeled, capsys):
    config = Config(dict(labeled.config, model=dict(MODEL, **labeled.config.model)))
    supernet, baseline = random_backbone(config), random_backbone(config)
    probes = FolderProbes(config, labeled.train, labeled.val, num_workers=0, k=3)
    evaluate_subnets(probes, dict(MIN=SPACE.min, MAX=SPACE.max), supernet, baseline)
    *before, last = capsys.readouterr().out.splitlines()
    # four networks, on a batch each to calibrate, of train and of val
    assert last.startswith('judging: 12/12 subnet passes, ') and not before
