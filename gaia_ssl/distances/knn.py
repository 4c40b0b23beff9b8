"""Weighted k-nearest-neighbour classification."""

import torch
import torch.nn.functional as F
from torch import Tensor

_CHUNK = 128  # rows of the matrix of similarities that exist at a time


def weighted_knn(
    queries: Tensor,
    features: Tensor,
    labels: Tensor,
    num_classes: int,
    k: int = 20,
    temperature: float = 0.07,
) -> Tensor:
    """Classify by the labels of the nearest features (Wu et al., CVPR 2018, section 3.4).

    Each of the ``k`` neighbours of highest cosine similarity s votes for its class with weight
    exp(s / temperature).

    Args:
        queries: L2-normalised features to classify, (M, D).
        features: L2-normalised features whose classes are known, (N, D).
        labels: Their classes, int (N, ).
        num_classes: C.
        k: Neighbours that vote, at most N. Defaults to 20.
        temperature: The lower, the less farther neighbours count. Defaults to 0.07.

    Returns:
        The class with most votes of each query, int (M, ).
    """
    classes = F.one_hot(labels, num_classes).to(features)  # (N, ) -> (N, C)
    predictions = []
    for chunk in queries.split(_CHUNK):
        # (m, D), (N, D) -> (m, N) -> (m, k)
        similarity, nearest = (chunk @ features.T).topk(min(k, len(features)), dim=1)
        weights = (similarity / temperature).exp()
        votes = torch.einsum('mk,mkc->mc', weights, classes[nearest])
        predictions.append(votes.argmax(1))
    return torch.cat(predictions)
