import numpy as np
import pytest
import torch
import torch.nn as nn
from PIL import Image

from gaia_ssl.distances import ridge_scores
from gaia_ssl.evaluation import FolderProbes
from gaia_ssl.models.backbones import DynamicResNet
from gaia_ssl.utils import UserError


class MeanColour(nn.Module):
    """A backbone that sees colours, through a norm with statistics of no use."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        nn.init.constant_(self.norm.running_mean, 1e6)

    def forward(self, x):
        return (self.norm(x),)


class Nothing(nn.Module):
    """A backbone that sees the same in all images."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return (torch.ones_like(x) * self.weight,)


@pytest.fixture
def knn(labeled):
    def build(train=labeled.train, val=labeled.val, **options):
        return FolderProbes(labeled.config, train, val, **dict(num_workers=0, k=3) | options)

    return build


def test_tells_what_can_be_told(knn):
    top1 = knn()(dict(colour=MeanColour(), nothing=Nothing()))
    assert top1['colour'] == (100, 100)
    assert top1['nothing'] == (pytest.approx(100 / 3), pytest.approx(100 / 3))


def test_equals_a_plain_computation(labeled, knn):
    torch.manual_seed(0)
    supernet = DynamicResNet('tiny10to22')
    supernet.init_weights()
    arch = supernet.space.anchors['R18']
    found = knn(k=5)(dict(r18=supernet.extract(arch)))['r18']

    def load(root):
        images, labels = [], []
        for label, name in enumerate(['blue', 'green', 'red']):
            files = [f'{root}/{name}/{i}.png' for i in range(7 if root == labeled.train else 4)]
            for file in files:
                image = Image.open(file).resize((23, 23), Image.BILINEAR)
                images.append((np.asarray(image, np.float32)[1:21, 1:21] - 127.5) / 64)
                labels.append(label)
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), labels

    (train, labels), (val, answers) = load(labeled.train), load(labeled.val)
    net = supernet.extract(arch).train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # all of the only batch
    with torch.no_grad():
        net(train)
        net.eval()
        features, queries = (net(x)[-1].mean((2, 3)).double() for x in (train, val))
    features, queries = (x / x.norm(dim=1, keepdim=True) for x in (features, queries))
    right = 0
    for query, answer in zip(queries, answers, strict=True):
        similarity = (features @ query).tolist()
        votes = [0.0, 0.0, 0.0]
        for i in sorted(range(len(labels)), key=lambda i: -similarity[i])[:5]:
            votes[labels[i]] += np.exp(similarity[i] / 0.07)
        right += votes.index(max(votes)) == answer
    assert found.knn == pytest.approx(100 * right / len(answers))
    scores = ridge_scores(features, torch.tensor(labels), queries).argmax(1)
    share = (scores == torch.tensor(answers)).double().mean().item()
    assert found.linear == pytest.approx(100 * share)


@pytest.mark.parametrize('calibration, passes', [(2048, 6), (0, 4)])
def test_progress_counts_networks_times_batches(knn, capsys, calibration, passes):
    probes, nets = knn(calibration=calibration), dict(a=MeanColour(), b=MeanColour())
    probes(nets)
    assert capsys.readouterr().out == ''
    probes(nets, show_progress=True)
    assert capsys.readouterr().out.startswith(f'judging: {passes}/{passes} subnet passes, ')


def test_without_calibration_statistics_are_the_networks_own(knn):
    net = MeanColour().train()
    before = net.norm.running_mean.clone()
    top1 = knn(calibration=0)(dict(colour=net))
    assert torch.equal(net.norm.running_mean, before)
    assert top1['colour'].knn < 100  # those of no use


def test_workers_and_generators_make_no_difference(knn):
    before = torch.get_rng_state()
    with_workers = knn(num_workers=1)(dict(colour=MeanColour()))
    assert torch.equal(torch.get_rng_state(), before)
    assert with_workers == knn()(dict(colour=MeanColour()))


def test_val_may_have_fewer_classes(labeled, knn, tmp_path):
    val = labeled.write(tmp_path / 'val', 2, 2, classes=('green', 'red'))
    assert knn(val=str(val))(dict(colour=MeanColour())) == dict(colour=(100, 100))


def test_the_largest_class(labeled, knn, tmp_path):
    val = tmp_path / 'val'
    labeled.write(val, 3, 2, classes=('green',))
    labeled.write(val, 1, 2, classes=('red',))
    probes = knn(val=str(val))
    assert probes.majority == probes.describe()['majority'] == 75


def test_refuses_classes_that_are_not_known(labeled, knn, tmp_path):
    train = labeled.write(tmp_path / 'train', 2, 2, classes=('green', 'red'))
    with pytest.raises(UserError, match="val: .* has images of 'blue'"):
        knn(train=str(train))


def test_refuses_images_outside_of_classes(labeled, knn):
    with pytest.raises(UserError, match='0.png is not in a class folder'):
        knn(train=f'{labeled.train}/red')


def test_refuses_a_single_image(labeled, knn, tmp_path):
    train = labeled.write(tmp_path / 'train', 1, 2, classes=('red',))
    val = labeled.write(tmp_path / 'val', 1, 2, classes=('red',))
    with pytest.raises(UserError, match='train: .* holds 1 images'):
        knn(train=str(train), val=str(val))


@pytest.mark.parametrize('field', ['k', 'temperature', 'input_size'])
def test_refuses_numbers_that_are_not_positive(knn, field):
    with pytest.raises(UserError, match=f'{field}: 0 is not positive'):
        knn(**{field: 0})
