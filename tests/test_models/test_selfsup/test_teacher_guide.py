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
    before = guide.target([images], [images], [])
    forward = guide.teacher.network.forward
    guide.teacher.network.forward = lambda x: forward(x)._replace(
        embedding=forward(x).embedding + 3
    )
    torch.testing.assert_close(guide.target([images], [images], []), before, rtol=1e-3, atol=1e-5)


def test_a_neck_without_embeddings_of_images_is_told(ssl):
    model = ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=ssl.teacher_config())
    guide = model.guides.teacher
    images = torch.rand(5, 3, 16, 16)
    target = guide.target([images], [images], [])
    for wrong in (torch.rand(5, 8, 2), torch.rand(4, 8)):
        with pytest.raises(UserError, match='does not give one embedding per image'):
            guide.distance([wrong], target)


def test_views_are_looked_up_in_a_cache_of_whole_images(ssl, tmp_path):
    """However a method joins its views, as calls or batches of them."""
    teacher = dict(ssl.teacher_config(), cache=str(tmp_path))
    model = ssl.build(guides=dict(weights=dict(teacher=0.5)), teacher=teacher)
    guide = model.guides.teacher
    data = ssl.batch(0)
    views = data['inputs'] = [*data['inputs'], torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)]
    guide.teacher.cache = torch.rand(9, guide.teacher.channels)
    order = [2, 7, 3, 1]
    for sample, index in zip(data['data_samples'], order):
        sample.set_field(index, 'sample_idx', field_type='metainfo')
    cached = guide.teacher.cache[order].double()
    for calls, each in (
        ([views[0], views[1]], [cached, cached]),
        ([torch.cat(views[:2]), torch.cat(views[2:])], [cached] * 4),
        ([torch.stack(views[:2], 1).flatten(0, 1)], [cached.repeat_interleave(2, 0)]),
    ):
        joined = torch.cat(each)
        expected = guide.relation.target(joined - joined.mean(0))
        torch.testing.assert_close(guide.target(calls, **data), expected)
    for changed in (views[0] + 0.01, torch.rand(4, 3, 5, 5)):
        with pytest.raises(UserError, match='^model.teacher.cache: the method changes its views'):
            guide.target([changed], **data)


def test_every_method_learns_from_a_cache(ssl, tmp_path, own_teacher):
    teacher = dict(ssl.teacher_config(), cache=str(tmp_path))
    model = ssl.build(own_teacher, guides=dict(weights=dict(teacher=0.5)), teacher=teacher)
    model.frozen_teacher.cache = torch.rand(4, model.frozen_teacher.channels)
    batch = ssl.batch(0, own_teacher)
    for index, sample in enumerate(batch['data_samples']):
        sample.set_field(index, 'sample_idx', field_type='metainfo')
    assert model.train_step(batch, ssl.wrap(model))['loss'].isfinite()
