"""What several distances are compared with."""

import numpy as np
import pytest

from gaia_ssl.distances.ridge import PENALTIES


@pytest.fixture
def best_penalty():
    """The penalty of the least generalised cross-validation: ``best_penalty(features, targets)``.

    Features are standardised. Each is tried with the whole hat matrix.
    """

    def find(features, targets):
        number = len(features)
        centred = targets - targets.mean(0)
        errors = []
        for penalty in PENALTIES:
            gram = features.T @ features + penalty * number * np.eye(features.shape[1])
            hat = features @ np.linalg.solve(gram, features.T)
            residual = np.square(centred - hat @ centred).sum()
            errors.append(residual / (1 - (1 + hat.trace()) / number) ** 2)
        return PENALTIES[int(np.argmin(errors))]

    return find
