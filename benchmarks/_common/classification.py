"""Cross-validated logistic regression, k-NN and k-means behind a reducer."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NOISE = {"noise .1 to 1": (0.1, 1), "noise .1 to 3": (0.1, 3), "noise .1 to 10": (0.1, 10)}


@dataclass(frozen=True)
class Scores:
    """Result of cross-validating one reducer, one entry per fold.

    `accuracy` is that of StandardScaler -> logistic regression, `k_nn` that of 10 nearest
    neighbours, `k_means` the adjusted Rand index of as many clusters as classes; the last two see
    the scores as they are.
    """

    accuracy: np.ndarray
    k_nn: np.ndarray
    k_means: np.ndarray
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
    with warnings.catch_warnings(action="ignore"):  # classes of fewer samples than folds
        splits = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    for train, test in splits:
        # a rival that has not converged, a feature without noise: both count in the accuracy
        with warnings.catch_warnings(action="ignore"):
            fitted = clone(reducer)
            start = time.perf_counter()
            fitted.fit(X[train])
            seconds = time.perf_counter() - start
            scores, held_out = fitted.transform(X[train]), fitted.transform(X[test])
            accuracy, k_nn = (
                classifier.fit(scores, y[train]).score(held_out, y[test])
                for classifier in _classifiers(scores.shape[1])
            )
            k_means = _agreement_of_clusters(scores, held_out, y[test], len(np.unique(y)))
        folds.append((accuracy, k_nn, k_means, seconds, scores.shape[1]))
    return Scores(*map(np.array, zip(*folds, strict=True)))


def accuracy_and_seconds(reducer, X, y, seed):
    """Mean accuracy of reducer -> StandardScaler -> logistic regression; process time of the fits.

    Three stratified folds, drawn by the seed.
    """
    accuracies, seconds = [], 0.0
    # classes of fewer samples than folds; rivals that stop early
    with warnings.catch_warnings(action="ignore"):
        folds = StratifiedKFold(3, shuffle=True, random_state=seed)
        for train, test in folds.split(X, y):
            fitted = clone(reducer)
            start = time.process_time()
            fitted.fit(X[train])
            seconds += time.process_time() - start
            scores, held_out = fitted.transform(X[train]), fitted.transform(X[test])
            classifier = _classifiers(scores.shape[1])[0].fit(scores, y[train])
            accuracies.append(classifier.score(held_out, y[test]))
    return float(np.mean(accuracies)), seconds


def _classifiers(n_scores):
    if n_scores == 0:  # n_components="auto" may find nothing
        return DummyClassifier(), DummyClassifier()
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return regression, KNeighborsClassifier(10)


def _agreement_of_clusters(scores, held_out, y, n_clusters):
    """Adjusted Rand index of clusters and classes on held-out samples."""
    if scores.shape[1] == 0:
        return 0.0
    clusters = KMeans(n_clusters, n_init=3, random_state=0).fit(scores)
    return adjusted_rand_score(y, clusters.predict(held_out))
