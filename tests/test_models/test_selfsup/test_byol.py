import numpy as np
import pytest
import torch


def unit(x):
    x = x.detach().numpy()
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize('arch', ['MIN', 'MAX'])
def test_loss_is_equation_2_of_both_views(ssl, arch):
    """Grill et al., NeurIPS 2020: |p - z|^2 = 2 - 2 <p, z>; the constant has no gradient."""
    model = ssl.in_double(ssl.build('BYOL'))
    data, targets = ssl.pass_at(model, arch, ssl.batch(0))
    [loss] = model.subnet_loss(**data, targets=targets).values()

    expected = 0
    teacher, teacher_neck = model.teacher
    for view, other in (data['inputs'], data['inputs'][::-1]):
        prediction = model.head.predictor([model.neck(model.backbone(view))[0]])[0]
        target = teacher_neck(teacher(other))[0]
        distance = ((unit(prediction) - unit(target)) ** 2).sum(axis=1)
        expected += distance.mean() - 2
    assert loss.item() == pytest.approx(expected, rel=1e-10)


def test_targets_are_the_projections_of_the_other_view_at_max(ssl):
    model = ssl.in_double(ssl.build('BYOL'))
    data, targets = ssl.pass_at(model, 'MIN', ssl.batch(0))
    backbone, neck = model.teacher
    assert backbone.arch == model.backbone.space.max
    for view, target in zip(data['inputs'], reversed(targets)):
        torch.testing.assert_close(target, neck(backbone(view))[0])
        assert not target.requires_grad
