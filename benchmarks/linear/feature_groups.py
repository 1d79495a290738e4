"""Subspace error and R^2 of the scores where noise is shared inside groups of features.

Each group of features has one noise source of its own, of sd uniform in [.3, 2] and with normal
loadings, and every feature has noise of sd .4 besides. Three signals of sd 1.5, Haar subspace. In
the control the same variances are independent between features, so that groups cannot help. All
methods are given the true number of components. Scores: R^2 of a linear regression of the true
scores on the output of `transform`, on samples that were not fitted.

Two of the rivals need no new estimator: PCA of the averages of the groups, and PCA after each
group is whitened by itself (generalised canonical correlations).
"""

import warnings
from itertools import product

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive

from .._common.averages import averaged, plus_minus
from .._common.record import Run
from .._common.spiked import haar, subspace_error
from .._common.tables import print_targets

# features, features in a group
SHAPES = ((60, 5), (300, 10), (30, 5))
SAMPLES = (500, 2000, 5000)
NOISE = ("shared", "independent")
R, SIGNAL, OWN_NOISE = 3, 1.5, 0.4
HELD_OUT = 2000

OURS = "feature_groups"
METHODS = [
    OURS,
    "closed form, groups",
    "without groups",
    "PCA",
    "Scaler+PCA",
    "Scaler+FA",
    "HeteroPCA",
    "whitened groups+PCA",
]
NO_SUBSPACE = "group means+PCA"


def sensors(rng, n, d, size, noise):
    """True subspace, scores and rows of n + HELD_OUT samples, and the group of each feature."""
    groups = np.arange(d) // size
    U = haar(rng, d, R)
    loadings = rng.standard_normal(d) * rng.uniform(0.3, 2, d // size)[groups]
    rows = n + HELD_OUT
    Z = SIGNAL * rng.standard_normal((rows, R))
    if noise == "shared":
        disturbance = rng.standard_normal((rows, d // size))[:, groups]
    else:
        disturbance = rng.standard_normal((rows, d))
    own = OWN_NOISE * rng.standard_normal((rows, d))
    return U, Z, Z @ U.T + loadings * disturbance + own, groups


def whitening(X, size):
    """Block diagonal of the inverse square roots of the groups' covariances, and its inverse."""
    d = X.shape[1]
    matrix, inverse = np.zeros((d, d)), np.zeros((d, d))
    for start in range(0, d, size):
        block = slice(start, start + size)
        values, vectors = np.linalg.eigh(np.cov(X[:, block], rowvar=False))
        matrix[block, block] = (vectors / np.sqrt(values)) @ vectors.T
        inverse[block, block] = (vectors * np.sqrt(values)) @ vectors.T
    return matrix, inverse


def fits(X, groups, size):
    """Method -> components (None where it has none in the space of X) and its transform."""
    scaler = StandardScaler().fit(X)
    white, unwhite = whitening(X, size)
    mean_of = (groups[:, None] == np.unique(groups)) / size
    steps = {
        OURS: (None, LinearContrastive(R, feature_groups=groups)),
        "closed form, groups": (
            None,
            LinearContrastive(R, feature_groups=groups, max_iter=0, noise_weighted=False),
        ),
        "without groups": (None, LinearContrastive(R)),
        "PCA": (None, PCA(R)),
        "Scaler+PCA": (1 / scaler.scale_, PCA(R)),
        "Scaler+FA": (1 / scaler.scale_, FactorAnalysis(R, random_state=0)),
        "HeteroPCA": (None, HeteroPCA(R)),
        "whitened groups+PCA": (white, PCA(R)),
        NO_SUBSPACE: (mean_of, PCA(R)),
    }
    fitted = {}
    for name, (change, estimator) in steps.items():
        before = _changer(change)
        estimator.fit(before(X))
        components = estimator.components_
        if name.startswith("Scaler"):
            components = components * scaler.scale_
        elif name == "whitened groups+PCA":
            components = components @ unwhite
        elif name == NO_SUBSPACE:
            components = None
        fitted[name] = components, lambda Y, b=before, e=estimator: e.transform(b(Y))
    return fitted


def _changer(change):
    """Multiplication with nothing, with a row of factors, or with a matrix."""
    if change is None:
        return lambda X: X
    return (lambda X: X * change) if change.ndim == 1 else (lambda X: X @ change)


def one_draw(shape, n, noise, seed):
    """Subspace errors, R^2 of the scores, and numbers of components that "auto" finds."""
    d, size = shape
    rng = np.random.default_rng([seed, d, n])
    U, Z, X, groups = sensors(rng, n, d, size, noise)
    errors, scores = {}, {}
    with warnings.catch_warnings(action="ignore"):
        for name, (components, transform) in fits(X[:n], groups, size).items():
            if components is not None:
                errors[name] = subspace_error(components, U)
            regression = LinearRegression().fit(transform(X[:n]), Z[:n])
            scores[name] = regression.score(transform(X[n:]), Z[n:])
        found = {
            "groups": LinearContrastive(feature_groups=groups).fit(X[:n]).n_components_,
            "without groups": LinearContrastive().fit(X[:n]).n_components_,
        }
    return {"errors": errors, "R2": scores, "found": found}


def cell(shape, n, noise, draws):
    """Means, best rivals and numbers of components of one cell."""
    errors, scores = (averaged([draw[part] for draw in draws]) for part in ("errors", "R2"))
    best = min(METHODS[2:], key=errors["mean"].get)
    best_score = max([*METHODS[2:], NO_SUBSPACE], key=scores["mean"].get)
    found = {name: [draw["found"][name] for draw in draws] for name in draws[0]["found"]}
    return {
        "d": shape[0],
        "group": shape[1],
        "n": n,
        "noise": noise,
        "errors": errors,
        "best_rival": best,
        "ratio": errors["mean"][OURS] / errors["mean"][best],
        "R2": scores,
        "best_rival_R2": best_score,
        "found": found,
        "exact": {name: float(np.mean(np.equal(numbers, R))) for name, numbers in found.items()},
    }


def label(cell):
    """Groups and samples, as the first cell of a line."""
    return f"{cell['d'] // cell['group']} groups of {cell['group']}, n={cell['n']}"


def print_tables(run, cells):
    """Subspace errors, R^2 of the scores and numbers of components."""
    for part, methods in (("errors", METHODS), ("R2", [*METHODS, NO_SUBSPACE])):
        best = "best_rival" if part == "errors" else "best_rival_R2"
        run.add_table(
            "Subspace error" if part == "errors" else "R^2 of the scores",
            [
                {"data": label(cell), "noise": cell["noise"]}
                | plus_minus(cell[part], methods)
                | ({"ratio": cell["ratio"]} if part == "errors" else {})
                | {"best rival": cell[best]}
                for cell in cells
            ],
        )
    run.add_table(
        f"Number of components, {R} in truth",
        [
            {"data": label(cell), "noise": cell["noise"]}
            | {f"exact, {name}": share for name, share in cell["exact"].items()}
            | {f"found, {name}": str(numbers) for name, numbers in cell["found"].items()}
            for cell in cells
        ],
    )


def missed_targets(cells):
    """Target -> cells that miss it."""
    shared = [cell for cell in cells if cell["noise"] == "shared"]
    independent = [cell for cell in cells if cell["noise"] == "independent"]
    return {
        "subspace error below every rival, shared noise": [
            f"{label(cell)}: {cell['ratio']:.3f} times {cell['best_rival']}"
            for cell in shared
            if cell["ratio"] >= 1
        ],
        "R^2 above every rival's, shared noise": [
            f"{label(cell)}: {cell['R2']['mean'][OURS]:.3f}, {cell['best_rival_R2']} "
            f"{cell['R2']['mean'][cell['best_rival_R2']]:.3f}"
            for cell in shared
            if cell["R2"]["mean"][OURS] <= cell["R2"]["mean"][cell["best_rival_R2"]]
        ],
        "number of components right in every draw, shared noise": [
            f"{label(cell)}: {cell['exact']['groups']:.2f}"
            for cell in shared
            if cell["exact"]["groups"] < 1
        ],
        "nothing lost against no groups, independent noise": [
            f"{label(cell)}: {lost:.3f} times the error"
            for cell in independent
            if (lost := cell["errors"]["mean"][OURS] / cell["errors"]["mean"]["without groups"]) > 1
        ],
    }


def main():
    """Run all cells and list those where the groups do not help."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=8)
    samples = SAMPLES[:1] if run.quick else SAMPLES
    draws = run.draws(one_draw, list(product(SHAPES, samples, NOISE)))
    cells = [cell(*case, outcomes) for case, outcomes in draws.items()]
    cells.sort(key=lambda cell: NOISE.index(cell["noise"]))
    print_tables(run, cells)
    missed = missed_targets(cells)
    print_targets(missed)
    run.results = {"cells": cells, "missed": missed}
    run.save()


if __name__ == "__main__":
    main()
