"""Numerical error of eigenvalues, variances and transform where means are large.

Unit variance around a mean of 1e4 in float32 and 1e8 in float64. The reference is PCA, or
LinearContrastive, fitted on the same numbers centred in extended precision.
"""

import warnings

import numpy as np
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive

from .._common.estimators import closed_form
from .._common.record import Run
from .._common.spiked import haar

ALLOWED_ERROR = 1e-3
N, D, K = 5000, 30, 3
METHODS = {
    "PCA covariance_eigh": lambda: PCA(K, svd_solver="covariance_eigh"),
    "PCA full": lambda: PCA(K, svd_solver="full"),
    "closed form": lambda: closed_form(K),
    "LinearContrastive": lambda: LinearContrastive(K),
}
ATTRIBUTES = ("eigenvalues_", "explained_variance_", "noise_variance_")


def unit_variance_sample(seed):
    """Three factors under noise, every feature of variance 1."""
    rng = np.random.default_rng(seed)
    X = 2 * rng.standard_normal((N, K)) @ haar(rng, D, K).T + rng.standard_normal((N, D))
    return (X - X.mean(axis=0)) / X.std(axis=0)


def errors(method, dtype, mean, seed):
    """Relative errors of the attributes, rms error of the scores over their own rms."""
    X = (unit_variance_sample(seed) + mean).astype(dtype)
    centred = X.astype(np.longdouble) - X.astype(np.longdouble).mean(axis=0)
    exact = METHODS[method]().fit(centred.astype(np.float64))
    shifted = METHODS[method]().fit(X)
    result = {"variances found": np.array2string(shifted.explained_variance_, precision=4)}
    for attribute in ATTRIBUTES:
        if hasattr(exact, attribute):
            reference = np.asarray(getattr(exact, attribute))
            difference = np.abs(getattr(shifted, attribute) - reference).max()
            result[attribute] = float(difference / np.abs(reference).max())
    expected, scores = exact.transform(centred.astype(np.float64)), shifted.transform(X)
    expected *= np.sign((expected * scores).sum(axis=0))
    result["transform"] = float(np.linalg.norm(scores - expected) / np.linalg.norm(expected))
    return result


def worst_errors(method, dtype, mean, seeds):
    """Largest errors over the seeds, and the variances found with the first of them."""
    draws = [errors(method, dtype, mean, seed) for seed in seeds]
    worst = {
        name: max(draw[name] for draw in draws) for name in draws[0] if name != "variances found"
    }
    return (
        {"dtype": np.dtype(dtype).name, "mean": mean, "method": method}
        | worst
        | {"variances found": draws[0]["variances found"]}
    )


def main():
    """Both precisions, every method, worst over the seeds."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    with warnings.catch_warnings(action="ignore"):
        rows = [
            worst_errors(method, dtype, mean, run.seeds)
            for dtype, mean in ((np.float32, 1e4), (np.float64, 1e8))
            for method in METHODS
        ]
    ours = [row for row in rows if not row["method"].startswith("PCA")]
    met = all(
        row.get(name, 0) <= ALLOWED_ERROR for row in ours for name in [*ATTRIBUTES, "transform"]
    )
    columns = ["dtype", "method", *ATTRIBUTES, "transform", "variances found"]
    run.add_table(
        "Largest relative errors",
        [
            {
                name: f"{row[name]:.1e}" if isinstance(row.get(name), float) else row.get(name)
                for name in columns
            }
            for row in rows
        ],
        f"Ours right to {ALLOWED_ERROR}: {met}",
    )
    run.results = {"rows": rows}
    run.save()


if __name__ == "__main__":
    main()
