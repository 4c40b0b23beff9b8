import copy

import numpy as np
import torch


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax(x):
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def embed(encoder, images):
    backbone, neck = encoder
    return unit(neck(backbone(images))[0].detach().numpy())


def test_equations_over_three_iterations(ssl):
    """Zheng et al., NeurIPS 2021, written out in numpy: losses, queue and teacher."""
    model = ssl.in_double(ssl.build('ReSSL'))
    queue = model.queue.numpy().copy()
    teacher = None
    for iteration in range(3):
        ssl.at_iteration(iteration)
        batch = ssl.batch(iteration)
        strong, weak = (view.double() for view in batch['inputs'])
        online = [p.detach().numpy().copy() for m in model.student for p in m.parameters()]
        # the first update copies
        teacher = (
            online if teacher is None else [0.99 * t + 0.01 * o for t, o in zip(teacher, online)]
        )
        plain = copy.deepcopy(model)
        own = [p for m in plain.teacher for p in m.parameters()]
        for parameter, value in zip(own, teacher):
            parameter.copy_(torch.from_numpy(value))
        keys = embed(plain.teacher, weak)
        relation = softmax(keys @ queue / 0.04)
        losses = []
        for arch in plain.arch_sampler.sample(plain.backbone.space, iteration):
            plain.backbone.set_arch(arch)
            student = softmax(embed(plain.student, strong) @ queue / 0.1)
            losses.append(-(relation * np.log(student)).sum(axis=1).mean())

        log = model.train_step(batch, ssl.wrap(model, lr=0.01))
        np.testing.assert_allclose(log['loss'].item(), np.mean(losses), rtol=1e-8)
        queue[:, 4 * iteration : 4 * iteration + 4] = keys.T
        np.testing.assert_allclose(model.queue.numpy(), queue, rtol=1e-7, atol=1e-9)
        moved = [p.numpy() for m in model.teacher for p in m.parameters()]
        for found, expected in zip(moved, teacher):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
