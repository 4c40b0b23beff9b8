import numpy as np
import pytest

from gaia_ssl.models.layers import DynamicSyncBatchNorm


@pytest.mark.parametrize('arch', ['MIN', 'MAX'])
def test_loss_is_equation_1_of_the_cross_correlation(ssl, arch):
    """Zbontar et al., ICML 2021, with mmpretrain's weight of the redundancy term."""
    model = ssl.in_double(ssl.build('BarlowTwins'))
    data, targets = ssl.pass_at(model, arch, ssl.batch(0, size=8))
    assert targets is None
    [loss] = model.subnet_loss(**data, targets=None).values()

    first, second = (
        model.neck(model.backbone(view))[0].detach().numpy() for view in data['inputs']
    )
    first, second = (
        (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + model.head.bn.eps) for z in (first, second)
    )
    correlation = first.T @ second / 8
    diagonal = np.diag(correlation)
    invariance = ((1 - diagonal) ** 2).sum()
    redundancy = (correlation**2).sum() - (diagonal**2).sum()
    assert loss.item() == pytest.approx(invariance + 0.0051 * redundancy, rel=1e-8)


def test_heads_norm_sees_the_joined_batch(ssl):
    """With several processes: see ``test_engine/test_ddp.py``."""
    assert isinstance(ssl.build('BarlowTwins').head.bn, DynamicSyncBatchNorm)
