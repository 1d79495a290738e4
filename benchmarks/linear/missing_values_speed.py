"""Time of a fit with a tenth of the entries missing, over that on complete data."""

import time
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.record import Run
from .._common.spiked import timing_problem
from .._common.timing import interleaved_times, median_ratio
from .missing_values import IMPUTERS

ALLOWED = 8
SIZES = ((20_000, 300), (5_000, 100))


def incomplete_problem(n, d, k):
    """Samples, and the same with a tenth of their entries missing."""
    X, _ = timing_problem(n, d, k, "float64")
    return X, np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)


def time_ratio(n, d, repetitions, k=10):
    """Times of fit with a tenth of the entries missing over those on complete data."""
    X, incomplete = incomplete_problem(n, d, k)
    times = interleaved_times(
        {
            "complete": lambda: LinearContrastive(k).fit(X),
            "missing": lambda: LinearContrastive(k).fit(incomplete),
            "pairs only": lambda: LinearContrastive(k).partial_fit(incomplete),
        },
        repetitions,
    )
    return {
        "n": n,
        "d": d,
        "k": k,
        **{f"{name} s": float(np.median(seconds)) for name, seconds in times.items()},
        "pairs only/complete": median_ratio(times, "pairs only", "complete"),
        "missing/complete": median_ratio(times, "missing", "complete"),
        "allowed": ALLOWED,
        "n_iter": LinearContrastive(k).fit(incomplete).n_iter_,
    }


def time_of_imputation(n, d, k=10):
    """Seconds of IterativeImputer + PCA, once."""
    _, incomplete = incomplete_problem(n, d, k)
    pipeline = make_pipeline(StandardScaler(), IMPUTERS["iterative"](), PCA(k))
    start = time.perf_counter()
    pipeline.fit(incomplete)
    return {"n": n, "d": d, "k": k, "seconds": time.perf_counter() - start}


def main():
    """Time every size; with `--quick`, quarters of them."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=8)
    scale = 4 if run.quick else 1
    sizes = [(n // scale, d // scale) for n, d in SIZES]
    with warnings.catch_warnings(action="ignore"):
        fits = [time_ratio(n, d, max(5, len(run.seeds))) for n, d in sizes]
        imputer = time_of_imputation(*sizes[-1])
    missed = [
        f"fit {cell['n']} x {cell['d']}, a tenth missing: {cell['missing/complete']:.1f} times "
        "complete"
        for cell in fits
        if cell["missing/complete"] > cell["allowed"]
    ]
    run.add_table("Time of a fit", fits, f"Above {ALLOWED}: {'; '.join(missed) or 'none'}")
    run.add_table("IterativeImputer + PCA", [imputer])
    run.results = {"fit": fits, "iterative+PCA": imputer, "missed": missed}
    run.save()


if __name__ == "__main__":
    main()
