import numpy as np
import pytest
import torch


def unit(x, axis=0):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def contrast(query, key, queue):
    """InfoNCE of one query at temperature 0.2."""
    logits = np.array([query @ key, *(query @ queue)]) / 0.2
    return np.log(np.exp(logits).sum()) - logits[0]


@pytest.mark.parametrize('arch, channels', [('MIN', 8), ('MAX', 12)])
@pytest.mark.parametrize('share', [0.5, 0.2])
def test_losses_by_the_papers_equations(ssl, arch, channels, share):
    """Wang et al., CVPR 2021, image by image and position by position.

    A subnet's features are matched with the first as many channels of MAX's.
    """
    model = ssl.in_double(ssl.build('DenseCL', loss_lambda=share))
    data, _ = ssl.pass_at(model, arch, ssl.batch(0))
    torch.manual_seed(1)  # the order in which keys are shuffled; norms see the same images
    with torch.no_grad():
        targets = model.targets(**data)
    losses = model.subnet_loss(**data, targets=targets)

    [own], (backbone, neck) = model.backbone(data['inputs'][0]), model.teacher
    [others] = backbone(data['inputs'][1])
    assert own.size(1) == channels and others.size(1) == 12
    with torch.no_grad():
        queries = [q.numpy() for q in model.neck((own,))[:2]]
        keys = [k.numpy() for k in neck((others,))[:2]]
    own, others = own.detach().flatten(2).numpy(), others.flatten(2).numpy()
    queue, queue2 = model.queue.numpy(), model.queue2.numpy()
    single, dense = [], []
    for image in range(4):
        whole, grid = (unit(q[image]) for q in queries)
        key, key_grid = (unit(k[image]) for k in keys)
        single.append(contrast(whole, key, queue))
        similarity = unit(own[image]).T @ unit(others[image][:channels])
        for position, match in enumerate(similarity.argmax(axis=1)):
            dense.append(contrast(grid[:, position], key_grid[:, match], queue2))
    assert losses['loss_single'].item() == pytest.approx((1 - share) * np.mean(single), rel=1e-8)
    assert losses['loss_dense'].item() == pytest.approx(share * np.mean(dense), rel=1e-8)


def test_both_queues_take_unit_keys_of_this_batch(ssl):
    model = ssl.build('DenseCL')
    before = {name: getattr(model, name).clone() for name in ('queue', 'queue2')}
    model.train_step(ssl.batch(0), ssl.wrap(model))
    for name, queue in before.items():
        now = getattr(model, name)
        assert (now != queue).any(0).nonzero().flatten().tolist() == [0, 1, 2, 3]
        norms = now[:, :4].norm(dim=0)
        # the pooled keys of a grid are means of unit vectors, normalised again
        torch.testing.assert_close(norms, torch.ones(4))
