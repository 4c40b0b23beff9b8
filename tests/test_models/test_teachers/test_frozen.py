import copy

import pytest
import torch
import torch.nn.functional as F

from gaia_ssl.models.teachers import FrozenTeacher, Normalisation, TeacherNetwork
from gaia_ssl.models.teachers.network import Features
from gaia_ssl.utils import UserError

RESNET = dict(type='mmpretrain.ResNet', depth=18, stem_channels=4, base_channels=4)
PLAIN = Normalisation((0.0,), (1.0,))


class Shrunk(TeacherNetwork):
    """The images themselves, as embedding and map."""

    def __init__(self, training=False):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.normalise = training

    def forward(self, images):
        if self.normalise:
            images = F.batch_norm(images, None, None, training=True)
        return Features(images.flatten(1) * self.scale, (images,))


def test_own_size_and_normalisation():
    own = Normalisation((5.0, 6.0, 7.0), (2.0, 2.0, 4.0), rgb=False)
    teacher = FrozenTeacher(Shrunk(), PLAIN, normalisation=own, input_size=8)
    images = 255 * torch.rand(2, 3, 8, 8)
    expected = (images.flip(1) - torch.tensor(own.mean).view(-1, 1, 1)) / torch.tensor(
        own.std
    ).view(-1, 1, 1)
    torch.testing.assert_close(teacher(images).maps[0], expected)
    # each pixel four times: shrinking gives it back but for the smoothing
    assert teacher(images.repeat_interleave(2, 2)).maps[0].shape == (2, 3, 8, 8)
    assert FrozenTeacher(Shrunk(), PLAIN)(torch.ones(1, 3, 20, 20)).maps[0].shape[-1] == 20


def test_a_copy_is_the_same_teacher():
    teacher = FrozenTeacher(Shrunk(), PLAIN)
    assert copy.deepcopy(teacher) is teacher


def test_digest_tells_teachers_apart(pretrained, teach):
    config = pretrained(**RESNET)
    teacher = teach(**config)
    assert teacher.digest == teach(**config).digest
    others = [dict(input_size=32), dict(out_indices=(2, 3)), dict(data_preprocessor=dict())]
    digests = {teach(**config, **other).digest for other in others}
    torch.manual_seed(1)
    with torch.no_grad():
        teacher.network.backbone.conv1.weight[0, 0, 0, 0] += 1
    del teacher.digest
    assert len({teacher.digest, teach(**config).digest, *digests}) == 5


def test_recorded_digest_is_compared(pretrained, teach):
    teacher = teach(**pretrained(**RESNET))
    teacher.check_recorded({}, 'checkpoint: x.pth')
    teacher.check_recorded(dict(teacher=teacher.digest), 'checkpoint: x.pth')
    with pytest.raises(
        UserError, match='^checkpoint: x.pth was trained with another teacher .0000'
    ):
        teacher.check_recorded(dict(teacher='0' * 64), 'checkpoint: x.pth')


def test_a_network_in_training_mode_is_told():
    with pytest.raises(UserError, match='depend on the other images; export it in evaluation'):
        FrozenTeacher(Shrunk(training=True), PLAIN)


@pytest.mark.parametrize(
    'spoil', [lambda x: x[:1], lambda x: x[0], lambda x: x * torch.nan, lambda x: x[..., None]]
)
def test_outputs_are_checked(spoil):
    class Spoilt(Shrunk):
        def forward(self, images):
            return Features(spoil(images.flatten(1)))

    with pytest.raises(UserError, match='model.teacher: its outputs are not an embedding'):
        FrozenTeacher(Spoilt(), PLAIN)


def test_channels_are_checked(pretrained, teach):
    with pytest.raises(UserError, match='model.teacher: it cannot read 1 channels of 64 px'):
        teach(image_channels=1, **pretrained(**RESNET))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(), 'model.teacher: it names no network'),
        (dict(type='gaia_ssl.ResNet50'), "'gaia_ssl.ResNet50' is unknown; name the project"),
        (dict(type='mmpretrain.ResNet', depth=18), 'model.teacher.init_cfg: None names no'),
        (dict(type='mmpretrain.ResNet', depht=18), 'model.teacher'),
        (dict(type='mmpretrain.ResNet', pool='max'), "model.teacher.pool: 'max' is not one of"),
    ],
)
def test_settings_are_checked(teach, options, message):
    with pytest.raises(UserError, match=message):
        teach(**options)
