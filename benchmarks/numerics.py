"""Digits that survive a large mean: eigenvalues, explained variance, noise and transform.

Unit variance around a mean of 1e4 in float32 and 1e8 in float64. The reference is PCA, or
LinearContrastive, fitted on the same numbers with their mean taken off in extended precision.
"""

import time
import warnings

import numpy as np
from _report import parse_arguments, report, table
from _spiked import haar
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive

ALLOWED_ERROR = 1e-3
N, D, K = 5000, 30, 3
METHODS = {
    "PCA covariance_eigh": lambda: PCA(K, svd_solver="covariance_eigh"),
    "PCA full": lambda: PCA(K, svd_solver="full"),
    "closed form": lambda: LinearContrastive(K, max_iter=0, noise_weighted=False),
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


def main():
    """Both precisions, every method, worst over the seeds."""
    arguments = parse_arguments("numerics", __doc__.splitlines()[0])
    start = time.perf_counter()
    results = []
    with warnings.catch_warnings(action="ignore"):
        for dtype, mean in ((np.float32, 1e4), (np.float64, 1e8)):
            for method in METHODS:
                draws = [errors(method, dtype, mean, seed) for seed in range(arguments.seeds)]
                worst = {
                    name: max(draw[name] for draw in draws)
                    for name in draws[0]
                    if name != "variances found"
                }
                results.append(
                    {"dtype": np.dtype(dtype).name, "mean": mean, "method": method}
                    | worst
                    | {"variances found": draws[0]["variances found"]}
                )
    columns = ["dtype", "method", *ATTRIBUTES, "transform", "variances found"]
    print(
        table(
            [
                {
                    name: f"{row[name]:.1e}" if isinstance(row.get(name), float) else row.get(name)
                    for name in columns
                }
                for row in results
            ]
        )
    )
    ours = [row for row in results if not row["method"].startswith("PCA")]
    met = all(
        row.get(name, 0) <= ALLOWED_ERROR for row in ours for name in [*ATTRIBUTES, "transform"]
    )
    print(f"\nours right to {ALLOWED_ERROR}: {met}")
    report(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    main()
