"""Values and gradients for every method: see ``test_methods.py``; processes: ``test_ddp.py``."""

import pytest
import torch

from gaia_ssl.models.selfsup.teacher_guide import TeacherGuide
from gaia_ssl.models.teachers import FrozenTeacher
from gaia_ssl.utils import UserError


def test_the_network_runs_once_per_iteration_and_does_not_change(ssl, monkeypatch):
    model = ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=ssl.teacher_config())
    network, seen = model.frozen_teacher.network, []
    before = [p.clone() for p in network.state_dict().values()]
    call = FrozenTeacher.__call__
    monkeypatch.setattr(FrozenTeacher, '__call__', lambda self, x: seen.append(x) or call(self, x))
    model.train_step(ssl.batch(0), ssl.wrap(model))
    # MoCo's subnets read the first view
    assert [x.shape for x in seen] == [(4, 3, 16, 16)]
    for one, other in zip(before, network.state_dict().values()):
        assert torch.equal(one, other)
    assert not any(p.requires_grad for p in network.parameters())
    assert not any('teacher' in key for key in model.state_dict())


def test_a_common_part_of_the_teachers_embeddings_is_no_relation(ssl):
    model = ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=ssl.teacher_config())
    guide = TeacherGuide(model.frozen_teacher)
    images = torch.rand(5, 3, 16, 16)
    before = guide.target([images])
    forward = guide.teacher.network.forward
    guide.teacher.network.forward = lambda x: forward(x)._replace(
        embedding=forward(x).embedding + 3
    )
    torch.testing.assert_close(guide.target([images]), before, rtol=1e-3, atol=1e-5)


def test_a_neck_without_embeddings_of_images_is_told(ssl):
    model = ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=ssl.teacher_config())
    guide = model.guides.teacher
    target = guide.target([torch.rand(5, 3, 16, 16)])
    for wrong in (torch.rand(5, 8, 2), torch.rand(4, 8)):
        with pytest.raises(UserError, match='does not give one embedding per image'):
            guide.distance([wrong], target)


def test_a_guide_has_no_cache(ssl):
    teacher = dict(ssl.teacher_config(), cache='folder')
    with pytest.raises(UserError, match='^model.teacher.cache: a guide compares views'):
        ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=teacher)
