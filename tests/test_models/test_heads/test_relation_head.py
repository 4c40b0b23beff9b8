import numpy as np
import torch

from gaia_ssl.models.heads import RelationHead


def softmax(x):
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def test_cross_entropy_of_two_distributions_of_similarity():
    head = RelationHead(temperature=0.1, teacher_temperature=0.04)
    student, teacher = torch.randn(2, 5, 7).clamp(-1, 1).requires_grad_()
    relation = head.relation(teacher.detach())
    p = softmax(teacher.detach().double().numpy() / 0.04)
    q = softmax(student.detach().double().numpy() / 0.1)
    np.testing.assert_allclose(relation.numpy(), p, rtol=1e-4, atol=1e-6)
    loss = head.loss(student, relation)
    np.testing.assert_allclose(loss.item(), -(p * np.log(q)).sum(axis=1).mean(), rtol=1e-5)
    # the gradient of softmax cross entropy
    (grad,) = torch.autograd.grad(loss, student)
    np.testing.assert_allclose(grad.numpy(), (q - p) / 0.1 / 5, rtol=1e-3, atol=1e-5)
