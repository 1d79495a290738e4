"""Dask arrays larger than memory: peak memory of each worker, time, and equality.

Two worker processes of one thread each draw the chunks and compute their moments. CPU seconds of
the fit are those of the workers without drawing, and include what Dask itself needs.
"""

import logging
import os
import time
import warnings

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.linear import Moments

from .._common.record import Run
from .._common.spiked import subspace_error
from ._chunks import N_COMPONENTS, sensors, sensors_subspace
from ._process import peak_memory
from ._worker import lazy_samples, state_of_worker

GIGABYTE, MEGABYTE = 1e9, 1e6
N_WORKERS = 2


def fit_on_cluster(n_chunks, n_rows, n_features):
    """Fit samples that two workers draw, and measure both."""
    lazy = lazy_samples(n_chunks, n_rows, n_features)
    with (
        LocalCluster(
            n_workers=N_WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # any free port
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        before = client.run(state_of_worker)
        start = time.perf_counter()
        model = LinearContrastive(N_COMPONENTS, random_state=0).fit(lazy)
        seconds = time.perf_counter() - start
        states = client.run(state_of_worker)
    spent = [states[name][0] - before[name][0] for name in states]
    drawing = [states[name][1] - before[name][1] for name in states]
    return {
        "GB": lazy.nbytes / GIGABYTE,
        "n": lazy.shape[0],
        "d": n_features,
        "chunks": n_chunks,
        "wall s": seconds,
        "drawing, CPU s": sum(drawing),
        "fit, CPU s": sum(spent) - sum(drawing),
        "peak MB of a worker": max(peak for _, _, peak in states.values()) / MEGABYTE,
        "peak MB of the client": peak_memory() / MEGABYTE,
        "load average": os.getloadavg()[1],
        "subspace error": subspace_error(model.components_, sensors_subspace(n_features)[0]),
    }


def equality(n_rows, n_features, sizes):
    """Largest difference of scores from those of the fit in memory, for chunks of several sizes."""
    X = sensors(0, n_rows, n_features)
    ours = LinearContrastive(N_COMPONENTS, tol=1e-10, max_iter=500, random_state=0)
    covariance, scores = np.cov(X.T), ours.fit(X).transform(X)
    unit = scores.std(axis=0)
    for rows, columns in sizes:
        lazy = da.from_array(X, chunks=(rows, columns))
        with dask.config.set(scheduler="synchronous"):
            moments = Moments.from_array(lazy).covariance
            found = ours.fit(lazy).transform(X)
        yield {
            "chunks": f"{rows} x {columns}",
            "covariance": float(np.abs(moments - covariance).max() / np.abs(covariance).max()),
            "scores": float(np.abs((found - scores) / unit).max()),
        }


def main():
    """Fit more and more gigabytes on the cluster, then a sample in chunks of several sizes."""
    options = {"gigabytes": 20.0}
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1, options=options)
    n_rows, n_features = (1_000, 50) if run.quick else (12_500, 1_000)
    per_chunk = 8 * n_rows * n_features / GIGABYTE
    largest = 20 * per_chunk if run.quick else run.options.gigabytes
    run.machine |= {"processes": N_WORKERS, "blas_threads": 1}
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        fits = [
            fit_on_cluster(max(1, round(share * largest / per_chunk)), n_rows, n_features)
            for share in ((1,) if run.quick else (1 / 16, 1 / 4, 1))
        ]
    run.add_table("Fits on two workers", fits)
    d = min(n_features, 200)
    sizes = ((50, d), (997, d), (3_000, d // 3), (8_000, d), (20_000, 7))
    differences = list(equality(2_000 if run.quick else 20_000, d, sizes))
    run.add_table(
        "Difference from the fit in memory",
        [{k: v if k == "chunks" else f"{v:.1e}" for k, v in row.items()} for row in differences],
    )
    run.results = {"fits": fits, "equality": differences}
    run.save()


if __name__ == "__main__":
    main()
