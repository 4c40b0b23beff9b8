"""Linear SVMs on frozen features: the PASCAL VOC protocol for self-supervised backbones.

The protocol is that of Goyal et al., "Scaling and Benchmarking Self-Supervised Visual
Representation Learning" (ICCV 2019), with the settings of the code that they published.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gaia_ssl.utils import UserError

COSTS = (*(2.0**e for e in range(-19, -3)), *(10.0**e for e in range(-7, 3)))
SHOTS = (1, 2, 4, 8, 16, 32, 64, 96)
FOLDS = 3


def require_sklearn() -> None:
    """Look for scikit-learn before any time is spent.

    Raises:
        UserError: If it is not installed.
    """
    try:
        import sklearn.svm  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'scikit-learn: {error}; the SVMs need it: pip install scikit-learn'
        ) from error


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """The area below the precision-recall curve, as VOC has computed it since 2010.

    The precision at a recall is the highest at this recall or a larger one.

    Args:
        scores: The higher, the sooner an image counts as positive, (N, ).
        labels: 1 for positive images, 0 for those left out, -1 for the others, (N, ).

    Returns:
        The average precision, 0 to 1.
    """
    scores, hits = scores[labels != 0], labels[labels != 0] == 1
    hits = hits[np.argsort(-scores, kind='stable')]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    return highest[hits].mean()  # recall rises by the same amount at each hit


def low_shot(labels: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a few labels of each class: ``k`` positive ones, and (C - 1) k negative ones.

    Args:
        labels: 1, 0 or -1, (N, C).
        k: How many positive ones.
        rng: What they are drawn with.

    Returns:
        The labels, 0 where they are not drawn, (N, C).

    Raises:
        UserError: If a class has fewer.
    """
    drawn = np.zeros_like(labels)
    for position, column in enumerate(labels.T):
        for label, num in {1: k, -1: (labels.shape[1] - 1) * k}.items():
            [found] = np.nonzero(column == label)
            if len(found) < num:
                raise UserError(
                    f'shots: {k} want {num} images labeled {label} of each class, and class '
                    f'{position} has {len(found)}; give fewer'
                )
            drawn[rng.choice(found, num, replace=False), position] = label
    return drawn


class LinearSVMs:
    """One linear SVM per class, trained on some features and tested on others.

    Features are L2-normalised. A class's positive images weigh twice as much as the others.

    Args:
        train, test: Features, (N, D) and (M, D).
        train_labels, test_labels: 1 where a class is on an image, -1 where it is not, 0 where only
            objects marked difficult are, (N, C) and (M, C). Difficult images are negative ones in
            a full training, left out of a low-shot one, and not tested on.
        costs: The values of the cost C to choose from. Defaults to ``COSTS``.
        jobs: Processes to train with. Defaults to 1.

    Raises:
        UserError: If scikit-learn is not installed, a cost is not positive, or a class is on no
            image to test on.
    """

    def __init__(
        self,
        train: np.ndarray,
        train_labels: np.ndarray,
        test: np.ndarray,
        test_labels: np.ndarray,
        costs: Sequence[float] = COSTS,
        jobs: int = 1,
    ) -> None:
        require_sklearn()
        import joblib

        if bad := [cost for cost in costs if not cost > 0]:
            raise UserError(f'costs: {bad[0]} is not positive')
        if not (test_labels == 1).any(0).all():
            raise UserError('data: a class is on no image to test on; give more images')
        # in double precision, which is what the solver works in
        self.train, self.test = (np.asarray(features, np.float64) for features in (train, test))
        self.train_labels, self.test_labels = train_labels, test_labels
        self.costs = list(costs)
        self.jobs = joblib.Parallel(n_jobs=jobs)

    def full(self) -> dict[str, Any]:
        """Train on all images, each class with the cost that cross-validation finds best.

        Returns:
            ``map``, the mean over classes of ``ap``, in percent, and the chosen ``costs``.

        Raises:
            UserError: If a class has too few images to validate with.
        """
        targets = np.where(self.train_labels == 1, 1, -1)
        for label in (1, -1):
            if (least := (targets == label).sum(0).min()) < FOLDS:
                raise UserError(
                    f'data: a class has {least} images labeled {label}, too few for {FOLDS} folds'
                )
        validated = self._parallel(
            _validate, ((self.train, y, cost) for y in targets.T for cost in self.costs)
        )
        best = np.reshape(validated, (-1, len(self.costs))).argmax(1)  # (C * costs, ) -> (C, )
        costs = [self.costs[index] for index in best]
        scores = self._parallel(
            _score, ((self.train, y, [cost], self.test) for y, cost in zip(targets.T, costs))
        )
        ap = [average_precision(s[:, 0], y) for s, y in zip(scores, self.test_labels.T)]
        return dict(
            map=_percent(float(np.mean(ap))), ap=[_percent(value) for value in ap], costs=costs
        )

    def few(self, shots: int, runs: int = 5, seed: int = 0) -> dict[str, Any]:
        """Train on a few images of each class, several times.

        One cost serves all classes and runs: that of the highest mean on the test images, as in the
        published code. So few images leave none to validate with.

        Args:
            shots: Positive images of each class.
            runs: How often they are drawn. Defaults to 5.
            seed: Seed of the draws. Defaults to 0.

        Returns:
            ``map``, the mean over the runs in percent, their ``std`` and the chosen ``cost``.

        Raises:
            UserError: If a class has too few images, or a number is not positive.
        """
        for field, value in dict(shots=shots, runs=runs).items():
            if value < 1:
                raise UserError(f'{field}: {value} is too few; give 1 or more')
        samples = [
            low_shot(self.train_labels, shots, np.random.default_rng((seed, shots, run)))
            for run in range(runs)
        ]
        scores = self._parallel(
            _score,
            (
                (self.train[y != 0], y[y != 0], self.costs, self.test)
                for sample in samples
                for y in sample.T
            ),
        )
        classes = self.test_labels.shape[1]
        ap = [
            [average_precision(s, self.test_labels[:, index % classes]) for s in table.T]
            for index, table in enumerate(scores)
        ]
        # (runs * C, costs) -> (runs, costs)
        means = np.reshape(ap, (runs, classes, len(self.costs))).mean(1)
        best = means.mean(0).argmax()
        return dict(
            map=_percent(means[:, best].mean()),
            std=_percent(means[:, best].std()),
            cost=self.costs[best],
        )

    def _parallel(self, function, arguments) -> list:
        from joblib import delayed

        return self.jobs(delayed(function)(*args) for args in arguments)


def _svm(cost: float):
    from sklearn.svm import LinearSVC

    return LinearSVC(C=cost, class_weight={1: 2, -1: 1}, max_iter=2000, random_state=0)


def _validate(features: np.ndarray, targets: np.ndarray, cost: float) -> float:
    """The average precision of a cost, the mean over folds."""
    from sklearn.model_selection import cross_val_score

    scores = cross_val_score(_svm(cost), features, targets, cv=FOLDS, scoring='average_precision')
    return scores.mean()


def _score(
    features: np.ndarray, targets: np.ndarray, costs: Sequence[float], test: np.ndarray
) -> np.ndarray:
    """Signed distances of test images to the hyperplane of the SVM of each cost, (M, costs)."""
    svms = [_svm(cost).fit(features, targets) for cost in costs]
    weights = np.concatenate([svm.coef_ for svm in svms])  # (costs, D)
    return test @ weights.T + np.concatenate([svm.intercept_ for svm in svms])


def _percent(share: float) -> float:
    return round(100 * float(share), 4)
