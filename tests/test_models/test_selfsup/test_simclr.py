import math

import numpy as np
import pytest
import torch


@pytest.mark.parametrize('arch', ['MIN', 'MAX'])
def test_loss_is_equation_1_over_all_pairs(ssl, arch):
    """Chen et al., ICML 2020: every view against its twin, with all other views as negatives."""
    model = ssl.in_double(ssl.build('SimCLR'))
    data, targets = ssl.pass_at(model, arch, ssl.batch(0))
    assert targets is None
    [loss] = model.subnet_loss(**data, targets=None).values()

    # twins are neighbours, in one pass: norms see both views
    images = torch.stack(data['inputs'], dim=1).flatten(0, 1)
    z = model.neck(model.backbone(images))[0].detach().numpy()
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    losses = []
    for i in range(8):
        scores = {k: z[i] @ z[k] / 0.1 for k in range(8) if k != i}
        losses.append(math.log(sum(map(math.exp, scores.values()))) - scores[i ^ 1])
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-8)
