"""Peak memory of a fit above X itself, in d x d matrices of float64.

tracemalloc sees what NumPy and SciPy allocate; pages of a memory-mapped file are not counted.
"""

import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
from _report import parse_arguments, report, table
from _spiked import haar, spiked_sample
from scipy.sparse import random_array
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive

MEGABYTE = 2**20


def peak_above_now(function):
    """Bytes that a call allocates at its peak, beyond what was allocated before it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def sample(n, d, k, dtype=np.float64):
    """One draw of low rank plus uneven noise."""
    rng = np.random.default_rng(0)
    return spiked_sample(rng, n, haar(rng, d, k), 2, rng.uniform(0.5, 1.5, d), dtype)


def fit_in_chunks(estimator, X, rows=1000):
    """Give the rows to partial_fit a thousand at a time."""
    for start in range(0, len(X), rows):
        estimator.partial_fit(X[start : start + rows])


def measured(case, X, k, fits):
    """One line per fit: its peak in MB, in d x d matrices, and what is beyond three of them."""
    n, d = X.shape
    square = 8 * d * d
    stored = X.nbytes if hasattr(X, "nbytes") else X.data.nbytes + X.indices.nbytes
    for name, fit in fits.items():
        peak = peak_above_now(lambda fit=fit: fit(X))
        yield {
            "case": case,
            "n": n,
            "d": d,
            "k": k,
            "dtype": X.dtype.name,
            "fit": name,
            "X MB": stored / MEGABYTE,
            "peak MB": peak / MEGABYTE,
            "in d x d": peak / square,
            "MB beyond 3 d x d": max(0, peak - 3 * square) / MEGABYTE,
        }


def main():
    """Measure tall, streamed, memory-mapped, wide and sparse input."""
    arguments = parse_arguments("memory", __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    start = time.perf_counter()
    scale = 10 if arguments.quick else 1
    k = 10
    fits = {
        "PCA": lambda X: PCA(k).fit(X),
        "closed form": lambda X: LinearContrastive(k, max_iter=0, noise_weighted=False).fit(X),
        "default": lambda X: LinearContrastive(k).fit(X),
        "auto": lambda X: LinearContrastive().fit(X),
    }
    tall = sample(50_000 // scale, 500, k)
    wide = sample(500, 20_000 // scale, k)
    sparse = random_array(
        (50_000 // scale, 10_000 // scale),
        density=0.005,
        format="csr",
        rng=np.random.default_rng(0),
    )
    single = tall.astype(np.float32)
    with warnings.catch_warnings(action="ignore"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, tall)
        mapped = np.load(path, mmap_mode="r")
        chunks = {"partial_fit": lambda X: fit_in_chunks(LinearContrastive(k), X)}
        lazy = {name: fit for name, fit in fits.items() if name != "PCA"}
        arpack = {"PCA": lambda X: PCA(k, svd_solver="arpack").fit(X)}
        results = [
            *measured("tall", tall, k, fits | chunks),
            *measured("tall", single, k, fits | chunks),
            *measured("memory map", mapped, k, lazy | chunks),
            *measured("wide", wide, k, fits),
            *measured("sparse", sparse, k, fits | arpack),
        ]
        del mapped
    print(table(results))
    report(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    main()
