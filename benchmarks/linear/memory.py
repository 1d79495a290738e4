"""Peak memory of a fit above X itself, in d x d matrices of float64.

tracemalloc counts the memory that NumPy and SciPy allocate, not the pages of a memory-mapped file.
"""

import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import random_array
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive

from .._common.estimators import closed_form
from .._common.record import Run
from .._common.spiked import haar, spiked_sample

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
    """One line per fit: its peak in MB, in d x d matrices, and above three of them."""
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
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    scale, k = 10 if run.quick else 1, 10
    fits = {
        "PCA": lambda X: PCA(k).fit(X),
        "closed form": lambda X: closed_form(k).fit(X),
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
        without_pca = {name: fit for name, fit in fits.items() if name != "PCA"}
        arpack = {"PCA": lambda X: PCA(k, svd_solver="arpack").fit(X)}
        rows = [
            *measured("tall", tall, k, fits | chunks),
            *measured("tall", single, k, fits | chunks),
            *measured("memory map", mapped, k, without_pca | chunks),
            *measured("wide", wide, k, fits),
            *measured("sparse", sparse, k, fits | arpack),
        ]
        del mapped
    run.add_table("Peak memory above X", rows)
    run.results = {"rows": rows}
    run.save()


if __name__ == "__main__":
    main()
