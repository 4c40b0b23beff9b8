"""A new distance needs no edit of the package: one is declared here and searched by."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from gaia_ssl.distances import Distance, Option
from gaia_ssl.registry import DISTANCES
from gaia_ssl.search import Limits, Search
from gaia_ssl.search.candidates import Candidates
from gaia_ssl.search.evaluator import TreeEvaluator
from gaia_ssl.search.groups import split_groups
from gaia_ssl.search.terms import build_terms
from gaia_ssl.space import get_space
from gaia_ssl.space.search_json import load_result
from gaia_ssl.utils import UserError

ROOT = Path(__file__).parents[2]
SPACE = get_space('tiny10to22')


class KernelCKA(Distance):
    """1 - CKA between the positions of two maps of an image (Kornblith et al., ICML 2019).

    Args:
        power: Exponent of the kernel's values. Defaults to 1.
    """

    task = 'dense'
    reads = 'map'
    options = dict(power=Option(float, 'exponent of the kernel; default: 1.0'))

    def __init__(self, power=1.0):
        self.power = power

    def target(self, feature):
        """Centred kernel of unit norm, (N, C, H, W) -> (N, P, P)."""
        x = feature.double().flatten(2)
        kernel = (x.transpose(1, 2) @ x).clamp_min(0) ** self.power
        kernel = kernel - kernel.mean(1, keepdim=True)
        kernel = kernel - kernel.mean(2, keepdim=True)
        return kernel / kernel.square().sum((1, 2), keepdim=True).sqrt()

    def __call__(self, feature, target):
        return (1 - (self.target(feature) * target).sum((1, 2))).clamp_min(0)

    def target_bytes(self, channels, size):
        return 8 * (size[0] * size[1]) ** 2

    def working_bytes(self, channels, size):
        return 3 * self.target_bytes(channels, size)


def cka(ours, theirs, power):
    """The same of one image by its definition, in NumPy: (C, H, W) twice."""
    kernels = []
    for feature in (ours, theirs):
        x = feature.reshape(len(feature), -1).T
        centre = np.eye(len(x)) - 1 / len(x)
        kernels.append(centre @ np.maximum(x @ x.T, 0) ** power @ centre)
    a, b = kernels
    return 1 - np.trace(a @ b) / np.sqrt(np.trace(a @ a) * np.trace(b @ b))


@pytest.fixture(autouse=True)
def registered():
    DISTANCES.register_module(name='dense_kernel', module=KernelCKA)
    yield
    del DISTANCES.module_dict['dense_kernel']


@pytest.fixture
def tool(monkeypatch):
    """tools/search.py, and its settings for a command line."""
    functions = runpy.run_path(str(ROOT / 'tools' / 'search.py'))

    def settings(*words):
        argv = ['search.py', 'config.py', 'epoch_1.pth', '--images', 'photos', *words]
        monkeypatch.setattr(sys, 'argv', argv)
        config = Config(dict(search=dict(input_size=40)))
        return functions['make_settings'](functions['parse_args'](), config)

    return settings


def test_the_command_line_offers_it_and_its_option(tool, capsys):
    with pytest.raises(SystemExit):
        tool('--help')
    text = ' '.join(capsys.readouterr().out.split())
    assert 'dense: cka, cosine, dimension, kernel, kl' in text
    assert '--power POWER kernel: exponent of the kernel; default: 1.0' in text
    settings = tool('--task', 'dense', '--distance', 'kernel', '--power', '2')
    assert settings.distance_options == dict(power=2.0)
    with pytest.raises(UserError, match='power: mse takes no such option'):
        Candidates(SPACE, tool('--task', 'dense', '--power', '2'))


@pytest.mark.parametrize('room', [0, 2**24])
def test_the_tree_equals_one_by_one(encoders, images, room):
    student, teacher = encoders[0][0], encoders[1][0]
    images = torch.cat([images, images.flip(3)])
    rng = np.random.default_rng(0)
    archs = [SPACE.max, SPACE.min, *(SPACE.sample(rng) for _ in range(4))]
    terms = build_terms('dense', 'kernel', (1, 2), 4, dict(power=0.5))
    sizes = [len(group) for group in split_groups(len(images), 10)]
    found = TreeEvaluator(*encoders, terms, archs, (40, 40))(images, sizes, room=room)
    target = teacher.extract(SPACE.max).train()
    target.out_indices = (1, 2)
    want = np.zeros(found.shape)
    with torch.no_grad():
        for g, part in enumerate(images.split(sizes)):
            theirs = target(part)
            for a, arch in enumerate(archs):
                subnet = student.extract(arch).train()
                subnet.out_indices = (1, 2)
                for ours, other in zip(subnet(part), theirs, strict=True):
                    pairs = zip(ours.double().numpy(), other.double().numpy())
                    want[g, a, 0] += sum(cka(x, y, 0.5) for x, y in pairs) / 2
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_the_memory_bound_counts_its_matrices(encoders, images, allocated_peak):
    archs = [SPACE.max, SPACE.min]
    images = torch.nn.functional.interpolate(images, (64, 64))
    # maps of 16x16: matrices of 512 KiB for an image, where all else takes less
    by_cka = TreeEvaluator(*encoders, build_terms('dense', 'kernel', (0,), 4), archs, (64, 64))
    used = allocated_peak(lambda: by_cka(images, [14])) + images.nbytes
    assert by_cka.need * 14 / 3 < used <= by_cka.need * 14
    by_rank = build_terms('dense', 'pooled_rank', (0,), 4)
    without = TreeEvaluator(*encoders, by_rank, archs, (64, 64))
    assert by_cka.need >= without.need + 8 * 256**2
    assert used > without.need * 14


def test_maps_of_one_position_are_refused(tool):
    settings = tool('--task', 'dense', '--distance', 'kernel', '--input-size', '32')
    with pytest.raises(UserError, match='stages: the maps of stage 3 are 1x1 at 32 px'):
        Candidates(SPACE, settings)


def test_a_search_by_it(supernet, photos, tool, tmp_path):
    words = '--task dense --distance kernel cosine=0.5 --power 2 --num 5 --bn-group 5'
    settings = tool(*words.split())
    result = Search(supernet, photos, settings).run(str(tmp_path))
    assert load_result(str(tmp_path)) == json.loads(json.dumps(result))
    assert result['meta']['distance'] == 'kernel + 0.5 cosine'
    assert result['meta']['distances'][0] == dict(
        type='dense_kernel', power=2.0, weight=1.0, stages=[3]
    )
    for row in result['subnets']:
        first, second = row['terms']
        assert 0 < first < 1 and row['distance'] == pytest.approx(first + second / 2)
    bounded = Search(supernet, photos, settings)
    with pytest.raises(UserError, match='max_memory: .* are too few for'):
        bounded.run(str(tmp_path / 'bounded'), limits=Limits(max_memory='10K'))
    assert not (tmp_path / 'bounded').exists()
