"""Draws with labels, and the errors of losses and estimators on them."""

import warnings
from dataclasses import replace

import numpy as np
from sklearn.decomposition import PCA

from sklearn_contrastive.linear import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory.risk import excess_regression_risk

from .._common.spiked import five_noisy, linear_noise, subspace_error
from . import _reference
from ._labelled_samples import (
    by_quantile,
    class_matrix,
    gaussian_draw,
    leading_rows,
    regression_matrix,
    self_matrix,
    simplex_draw,
)

R = 5
ALPHAS = {
    "alpha=0": 0.0,
    "alpha=0.1": 0.1,
    "alpha=0.3": 0.3,
    "alpha=1": 1.0,
    "alpha=3": 3.0,
    "alpha=10": 10.0,
    "alpha=100": 100.0,
    "labels alone": 1e6,
}
ESTIMATED = {"alpha=0": 0.0, "alpha=1": 1.0, "labels alone": np.inf, "auto": "auto"}
# prefix of estimators that are fitted to labelled and unlabelled samples together
ALL = "all samples, "
# title -> numbers of labels, samples without, features, noise, reference
IN_DOMAIN = {
    "six classes, d=40, n=2000, noise sd 2 on five features and .5 on the others": (
        (12, 30, 60, 120, 300, 1200),
        2000,
        40,
        five_noisy(2),
        _reference.IN_DOMAIN,
    ),
    "six classes, d=20, n=20000, noise sd from 1 to .5": (
        (60, 300, 1200, 6000),
        20_000,
        20,
        linear_noise(0.5),
        _reference.IN_DOMAIN_SMALL,
    ),
}
# what the labels of a Gaussian sample are -> labels from the signs of two factors, or none of them
KINDS = {
    "informative": lambda rng, Z: 2 * (Z[:, 0] > 0) + (Z[:, 1] > 0),
    "random": lambda rng, Z: rng.integers(0, 4, len(Z)),
    "all different": lambda rng, Z: np.arange(len(Z)),
    "two samples a class": lambda rng, Z: np.arange(len(Z)) // 2,
    "one class": lambda rng, Z: np.zeros(len(Z), int),
}
KIND_SIZES = (12, 60, 600, 1500)
QUANTILES = (2, 4)
CLASSES = (2, 3, 4, 5, 6)
TRANSFER = (60, 600, 6000)
TASKS = (1, 2, 5)


def blended(draw, supervised):
    """Weight of the labels -> rows of the minimiser, from the losses' matrices written out."""
    own = self_matrix(draw.unlabelled)
    return {name: leading_rows(own + alpha * supervised, R) for name, alpha in ALPHAS.items()} | {
        "PCA": PCA(R).fit(draw.unlabelled).components_
    }


def estimated(draw):
    """The same from the estimators, fitted to all samples."""
    X, y = draw.all_samples()
    rows = {"LinearContrastive": LinearContrastive(R, random_state=0).fit(X).components_}
    with warnings.catch_warnings(action="ignore"):  # too few classes for R directions
        for name, alpha in ESTIMATED.items():
            model = SupervisedLinearContrastive(R, alpha=alpha, random_state=0).fit(X, y)
            rows[name] = model.components_
    return rows


def errors_of(draw, supervised, estimate=True):
    """Errors of `blended` and, with a prefix, of `estimated`."""
    errors = {
        name: subspace_error(rows, draw.subspace)
        for name, rows in blended(draw, supervised).items()
    }
    if estimate:
        rows = estimated(draw)
        errors |= {ALL + name: subspace_error(found, draw.subspace) for name, found in rows.items()}
    return errors


def in_domain_draw(title, m, seed):
    """Classes that span the whole subspace."""
    sizes, n, d, noise, _ = IN_DOMAIN[title]
    rng = np.random.default_rng([seed, list(IN_DOMAIN).index(title), sizes.index(m)])
    draw = simplex_draw(rng, n, m, d, R, R + 1, noise(rng, d))
    return errors_of(draw, class_matrix(draw.X, draw.y))


def kind_draw(kind, m, seed):
    """Errors of estimators where m of 1500 samples have labels of a kind, informative or not."""
    rng = np.random.default_rng([seed, 5])
    noise = np.linspace(1.5, 0.3, 40)
    draw = gaussian_draw(rng, 0, 1500, 40, R, noise, lambda rng, Z, tasks: KINDS[kind](rng, Z))
    y = np.where(np.arange(1500) < m, draw.y, -1)
    rows = estimated(replace(draw, y=y))
    return {name: subspace_error(found, draw.subspace) for name, found in rows.items()}


def few_classes_draw(n_classes, seed):
    """Classes that span n_classes - 1 of the directions."""
    rng = np.random.default_rng([seed, 2, n_classes])
    draw = simplex_draw(rng, 2000, 600, 40, R, n_classes, five_noisy(2)(rng, 40))
    return errors_of(draw, class_matrix(draw.X, draw.y))


def quantile_draw(m, n_classes, seed):
    """Classes along one direction: the task of the labels."""
    rng = np.random.default_rng([seed, 3, m, n_classes])
    return gaussian_draw(
        rng,
        2000,
        m,
        40,
        R,
        five_noisy(2)(rng, 40),
        lambda rng, Z, tasks: by_quantile(Z, tasks[:, 0], n_classes),
    )


def one_direction_draw(n_classes, seed):
    """Errors where classes come from one direction."""
    draw = quantile_draw(600, n_classes, seed)
    return errors_of(draw, class_matrix(draw.X, draw.y))


def transfer_draw(m, seed):
    """Excess risk over U* of the task of the labels, and of another one."""
    draw = quantile_draw(m, 2, seed)
    model = SpikedCovarianceModel(draw.subspace.T, 1.0, draw.noise**2)
    features = blended(draw, class_matrix(draw.X, draw.y)) | {
        ALL + name: found for name, found in estimated(draw).items()
    }
    return {
        f"{task}, {name}": excess_regression_risk(model, found, weights, reference="signal")
        for task, weights in (("source", draw.tasks[:, 0]), ("new", draw.tasks[:, 1]))
        for name, found in features.items()
    }


def regression_draw(n_tasks, seed):
    """Real labels of some tasks, with little noise."""
    rng = np.random.default_rng([seed, 4, n_tasks])
    draw = gaussian_draw(
        rng,
        2000,
        600,
        40,
        R,
        five_noisy(2)(rng, 40),
        lambda rng, Z, tasks: Z @ tasks[:, :n_tasks] + 0.1 * rng.standard_normal((len(Z), n_tasks)),
    )
    return errors_of(draw, regression_matrix(draw.X, draw.y), estimate=False)
