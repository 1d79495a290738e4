"""Cross-validated accuracy of reducer -> StandardScaler -> logistic regression."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NOISE = {"noise .1 to 1": (0.1, 1), "noise .1 to 3": (0.1, 3), "noise .1 to 10": (0.1, 10)}


@dataclass(frozen=True)
class Scores:
    """Result of cross-validating one reducer, one entry per fold."""

    accuracy: np.ndarray
    seconds: np.ndarray
    n_components: np.ndarray


def number_of_components(X, y):
    """As many as classes, between 3 and 10, at most half the features."""
    return min(int(np.clip(len(np.unique(y)), 3, 10)), X.shape[1] // 2)


def standardised(X):
    """Columns of mean 0 and variance 1 (constant ones stay 0)."""
    return StandardScaler().fit_transform(X)


def with_noisy_features(X, low, high, rng):
    """Standardised columns plus noise whose sd is log-uniform in [low, high] per column."""
    sds = np.exp(rng.uniform(np.log(low), np.log(high), X.shape[1]))
    return standardised(X) + sds * rng.standard_normal(X.shape)


def cross_validate(reducer, X, y):
    """Score one reducer on three fixed stratified folds; its seconds are those of its fit."""
    folds = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
        # a rival that has not converged, a feature without noise: both count in the accuracy
        with warnings.catch_warnings(action="ignore"):
            fitted = clone(reducer)
            start = time.perf_counter()
            fitted.fit(X[train])
            seconds = time.perf_counter() - start
            scores = fitted.transform(X[train])
            classifier = _classifier(scores.shape[1]).fit(scores, y[train])
            accuracy = classifier.score(fitted.transform(X[test]), y[test])
        folds.append((accuracy, seconds, scores.shape[1]))
    return Scores(*map(np.array, zip(*folds, strict=True)))


def _classifier(n_scores):
    if n_scores == 0:  # n_components="auto" may find nothing
        return DummyClassifier()
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
