import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.distances import weighted_knn


def by_hand(query, features, labels, num_classes, k, temperature):
    """The definition, one query at a time; the votes of each class."""
    similarities = [sum(a * b for a, b in zip(query, f)) for f in features]
    nearest = sorted(range(len(features)), key=lambda i: -similarities[i])[:k]
    votes = [0.0] * num_classes
    for index in nearest:
        votes[labels[index]] += math.exp(similarities[index] / temperature)
    return votes


def unit(rng, *shape):
    x = rng.normal(size=shape)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 200), st.integers(1, 40), st.integers(2, 6)),
    num_classes=st.integers(1, 5),
    k=st.integers(1, 25),
    temperature=st.sampled_from([0.07, 0.5]),
)
def test_equals_the_definition(seed, sizes, num_classes, k, temperature):
    rng = np.random.default_rng(seed)
    queries, features = unit(rng, sizes[0], sizes[2]), unit(rng, sizes[1], sizes[2])
    labels = rng.integers(num_classes, size=sizes[1])
    options = dict(num_classes=num_classes, k=k, temperature=temperature)
    tensors = map(torch.from_numpy, (queries, features, labels))
    predictions = weighted_knn(*tensors, **options).tolist()
    for query, prediction in zip(queries, predictions, strict=True):
        votes = by_hand(query.tolist(), features.tolist(), labels.tolist(), **options)
        assert votes[prediction] == pytest.approx(max(votes), rel=1e-9)


def test_temperature_weighs_near_against_many():
    # one neighbour at 1, two of the other class at 0.8
    features = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.8, -0.6]])
    query, labels = features[:1], torch.tensor([0, 1, 1])
    assert weighted_knn(query, features, labels, 2, temperature=0.07).item() == 0
    assert weighted_knn(query, features, labels, 2, temperature=10).item() == 1
    assert weighted_knn(query, features, labels, 2, k=1, temperature=10).item() == 0
