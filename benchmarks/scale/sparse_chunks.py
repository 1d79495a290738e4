"""Sparse samples in chunks on two cores: time of our own arithmetic, peak memory, and equality.

Each of two processes draws its share of the chunks, computes their moments and adds them. Drawing
is timed apart. CPU seconds are those of one thread; wall seconds depend on what else runs.
"""

import os
from functools import reduce
from operator import add

import numpy as np

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.linear import Moments

from .._common.record import Run
from ._chunks import N_COMPONENTS, cells
from ._process import Clock, peak_memory

MEGABYTE = 1e6
N_PROCESSES = 2


def moments_of_share(share, n_chunks, shape, density, seed):
    """Moments of every second chunk, with the seconds and the peak memory of the process."""
    clock, total, n_stored, n_bytes = Clock(), 0, 0, 0
    for number in range(share, n_chunks, N_PROCESSES):
        with clock.part("drawing"):
            chunk = cells(number, *shape, density)
        with clock.part("moments"):
            total += Moments.from_array(chunk)
        n_stored += chunk.nnz
        n_bytes += chunk.data.nbytes + chunk.indices.nbytes + chunk.indptr.nbytes
    return {
        "moments": total,
        "stored": n_stored,
        "bytes": n_bytes,
        "wall s": dict(clock.wall),
        "CPU s": dict(clock.cpu),
        "peak MB": peak_memory() / MEGABYTE,
    }


def fit_of_chunks(run, n_chunks, shape, density):
    """Fit the chunks that two processes read, and measure all three."""
    case = (n_chunks, shape, density)
    cases = [(share, *case) for share in range(N_PROCESSES)]
    clock = Clock()
    with clock.part("all"):
        shares = [outcome for (outcome,) in run.draws(moments_of_share, cases, [0]).values()]
        with clock.part("sum and fit"):
            moments = reduce(add, (share["moments"] for share in shares))
            model = LinearContrastive(N_COMPONENTS, random_state=0).fit_moments(moments)
    n_samples, n_features = moments.n_samples, shape[1]
    return {
        "n": n_samples,
        "d": n_features,
        "chunks": n_chunks,
        "density": sum(share["stored"] for share in shares) / (n_samples * n_features),
        "sparse GB": sum(share["bytes"] for share in shares) / 1e9,
        "dense GB": 8 * n_samples * n_features / 1e9,
        "wall s": clock.wall["all"],
        "drawing, CPU s": [share["CPU s"]["drawing"] for share in shares],
        "moments, CPU s": [share["CPU s"]["moments"] for share in shares],
        "moments, wall s": [share["wall s"]["moments"] for share in shares],
        "sum and fit, CPU s": clock.cpu["sum and fit"],
        "sum and fit, wall s": clock.wall["sum and fit"],
        "peak MB of a process": [share["peak MB"] for share in shares],
        "peak MB of the fit": peak_memory() / MEGABYTE,
        "load average": os.getloadavg()[1],
        "n_iter": model.n_iter_,
    }


def equality(shape, density, sizes):
    """Largest difference of scores from those of the fit in memory, for chunks of several sizes."""
    X = cells(0, *shape, density)
    ours = LinearContrastive(N_COMPONENTS, tol=1e-10, max_iter=500, solver="gram", random_state=0)
    scores, covariance = ours.fit(X).transform(X), ours.moments_.covariance
    unit, largest = scores.std(axis=0), np.abs(covariance).max()
    for rows in sizes:
        starts = range(0, X.shape[0], rows)
        moments = sum(Moments.from_array(X[start : start + rows]) for start in starts)
        found = ours.fit_moments(moments).transform(X)
        yield {
            "rows of a chunk": rows,
            "covariance": float(np.abs(moments.covariance - covariance).max() / largest),
            "scores": float(np.abs((found - scores) / unit).max()),
        }


def main():
    """Fit 1.3 million sparse rows, then a sample in chunks of several sizes."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    n_chunks, shape = (6, (500, 200)) if run.quick else (130, (10_000, 2_000))
    fitted = fit_of_chunks(run, n_chunks, shape, density=0.05)
    run.add_table("Fit of sparse chunks", [{"of": name, "value": v} for name, v in fitted.items()])
    sizes = (64, 997, 5_000, 20_000)
    sample = (1_000, 100) if run.quick else (20_000, 500)
    differences = list(equality(sample, 0.05, sizes))
    run.add_table(
        "Difference from the fit in memory",
        [
            {name: f"{v:.1e}" if isinstance(v, float) else v for name, v in row.items()}
            for row in differences
        ],
    )
    run.results = {"fit": fitted, "equality": differences}
    run.save()


if __name__ == "__main__":
    main()
