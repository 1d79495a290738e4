"""Labelled samples, and the matrices of the losses that use them."""

from dataclasses import dataclass

import numpy as np

from .._common.spiked import haar


@dataclass(frozen=True)
class Labelled:
    """One draw: directions in columns, noise sds, unlabelled samples and m labelled ones.

    `y` holds class numbers, or real labels in one column per task; `tasks` has the weights of the
    scores in the tasks as columns.
    """

    subspace: np.ndarray
    noise: np.ndarray
    unlabelled: np.ndarray
    X: np.ndarray
    y: np.ndarray
    tasks: np.ndarray

    def all_samples(self):
        """Every sample, and its class or -1."""
        X = np.vstack([self.unlabelled, self.X])
        return X, np.r_[np.full(len(self.unlabelled), -1), self.y]


def simplex(n_classes):
    """Means of classes, in rows, of covariance I in n_classes - 1 dimensions."""
    centred = np.eye(n_classes) - 1 / n_classes
    values, vectors = np.linalg.eigh(centred)
    return np.sqrt(n_classes) * vectors[:, values > 0.5]


def on_a_simplex(rng, n, r, n_classes):
    """Scores of variance 1: class means where there are classes enough, Gaussian elsewhere."""
    y = rng.permutation(np.arange(n) % n_classes)
    Z = rng.standard_normal((n, r))
    Z[:, : n_classes - 1] = simplex(n_classes)[y]
    return Z, y


def by_quantile(Z, task, n_classes):
    """Classes of equal size along one direction of the scores."""
    order = np.argsort(np.argsort(Z @ task))
    return order * n_classes // len(Z)


def observed(rng, Z, U, noise):
    """Rows U z + noise."""
    return Z @ U.T + noise * rng.standard_normal((len(Z), len(U)))


def simplex_draw(rng, n, m, d, r, n_classes, noise):
    """Classes whose means span as many directions as they can."""
    U = haar(rng, d, r)
    unlabelled = observed(rng, on_a_simplex(rng, n, r, n_classes)[0], U, noise)
    Z, y = on_a_simplex(rng, m, r, n_classes)
    return Labelled(U, noise, unlabelled, observed(rng, Z, U, noise), y, np.eye(r))


def gaussian_draw(rng, n, m, d, r, noise, labels):
    """Gaussian scores; labels(rng, Z, tasks) names classes or gives real values."""
    U, tasks = haar(rng, d, r), haar(rng, r, r)
    unlabelled = observed(rng, rng.standard_normal((n, r)), U, noise)
    Z = rng.standard_normal((m, r))
    return Labelled(U, noise, unlabelled, observed(rng, Z, U, noise), labels(rng, Z, tasks), tasks)


def self_matrix(X):
    """A quarter of the covariance without its diagonal."""
    covariance = np.cov(X, rowvar=False) / 4
    np.fill_diagonal(covariance, 0)
    return covariance


def class_matrix(X, y):
    """Matrix of the supervised loss: pairs of one class attract, of different classes repel."""
    X = X - X.mean(axis=0)
    m, total = len(X), X.sum(axis=0)
    matrix = np.zeros((X.shape[1], X.shape[1]))
    for label in np.unique(y):
        members = X[y == label]
        own = members.sum(axis=0)
        matrix += (np.outer(own, own) - members.T @ members) / (len(members) - 1)
        apart = np.outer(own, total - own) / (m - len(members))
        matrix -= (apart + apart.T) / 2
    return matrix / m


def regression_matrix(X, Y):
    """Sum over tasks of the outer products of the covariances of features and labels."""
    slopes = (X - X.mean(axis=0)).T @ (Y - Y.mean(axis=0)) / (len(X) - 1)
    return slopes @ slopes.T


def leading_rows(matrix, r):
    """Eigenvectors of the r largest eigenvalues, in rows."""
    return np.linalg.eigh(matrix)[1].T[::-1][:r]
