import numpy as np
import pytest


def unit(x):
    x = x.detach().numpy()
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize('arch', ['MIN', 'MAX'])
def test_loss_is_the_symmetric_contrast_of_the_paper(ssl, arch):
    """Chen et al., ICCV 2021, algorithm 1: 2 tau (ctr(q1, k2) + ctr(q2, k1)), here with tau = 1."""
    model = ssl.in_double(ssl.build('MoCoV3'))
    data, targets = ssl.pass_at(model, arch, ssl.batch(0))
    [loss] = model.subnet_loss(**data, targets=targets).values()

    expected = 0
    momentum, momentum_neck = model.teacher
    for view, other in (data['inputs'], data['inputs'][::-1]):
        query = model.head.predictor([model.neck(model.backbone(view))[0]])[0]
        logits = unit(query) @ unit(momentum_neck(momentum(other))[0]).T
        log_share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected -= 2 * np.diag(log_share).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-10)
    assert momentum.arch == model.backbone.space.max
