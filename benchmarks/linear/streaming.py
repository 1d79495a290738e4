"""Time of partial_fit for one more chunk, and accuracy lost by streaming.

Cost: time of partial_fit on a chunk after a warm start, beside the chunk's own X'X. Accuracy:
sine of the largest angle between the subspaces of partial_fit and of one fit.
"""

import warnings

import numpy as np
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA, IncrementalPCA

from sklearn_contrastive import LinearContrastive

from .._common.record import Run
from .._common.spiked import haar, spiked_sample, subspace_error
from .._common.timing import interleaved_times, median_ratio


def streamed(estimator, X, rows):
    """Give X to partial_fit in chunks of `rows` rows."""
    for start in range(0, len(X), rows):
        estimator.partial_fit(X[start : start + rows])
    return estimator


def chunk_cost(d, k, rows, repetitions):
    """Time of one more chunk over that of its X'X."""
    rng = np.random.default_rng(0)
    U, sds = haar(rng, d, k), rng.uniform(0.5, 1.5, d)
    chunk = spiked_sample(rng, rows, U, 2, sds)
    earlier = spiked_sample(rng, 10 * d, U, 2, sds)
    ours = LinearContrastive(k).partial_fit(earlier)
    incremental = IncrementalPCA(k).partial_fit(earlier)
    times = interleaved_times(
        {
            "X'X": lambda: chunk.T @ chunk,
            "IncrementalPCA": lambda: incremental.partial_fit(chunk),
            "ours": lambda: ours.partial_fit(chunk),
        },
        repetitions,
    )
    return {
        "d": d,
        "k": k,
        "rows": rows,
        **{f"{name} ms": 1e3 * float(np.median(seconds)) for name, seconds in times.items()},
        "ours/X'X": median_ratio(times, "ours", "X'X"),
        "ours/IncrementalPCA": median_ratio(times, "ours", "IncrementalPCA"),
        "n_iter": ours.n_iter_,
    }


def streaming_loss(signal, seed, n=5000, d=50, k=5, rows=100):
    """Largest sine between streamed and fitted, and both errors against the truth (equal noise)."""
    rng = np.random.default_rng([seed, round(100 * signal)])
    U = haar(rng, d, k)
    X = spiked_sample(rng, n, U, signal, np.ones(d))
    pairs = {
        "PCA": (PCA(k).fit(X), streamed(IncrementalPCA(k), X, rows)),
        "LinearContrastive": (
            LinearContrastive(k).fit(X),
            streamed(LinearContrastive(k), X, rows),
        ),
    }
    result = {}
    for name, (fitted, stream) in pairs.items():
        angles = subspace_angles(fitted.components_.T, stream.components_.T)
        result[f"{name}: largest sine"] = float(np.sin(angles.max()))
        result[f"{name}: error fitted"] = subspace_error(fitted.components_, U)
        result[f"{name}: error streamed"] = subspace_error(stream.components_, U)
    return result


def main():
    """Time chunks of several sizes, then stream weak to strong signals."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    features = (100,) if run.quick else (100, 500, 1000)
    repetitions = 4 * len(run.seeds)
    losses = []
    with warnings.catch_warnings(action="ignore"):
        costs = [
            chunk_cost(d, 10, rows, repetitions) for d in features for rows in (100, 300, 1000)
        ]
        for signal in (0.8, 1.1, 2.0):
            draws = [streaming_loss(signal, seed) for seed in run.seeds]
            mean = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
            losses.append({"signal sd": signal} | mean)
    run.add_table("Time of one more chunk", costs)
    sines = [name for name in losses[0] if name.endswith("largest sine")]
    run.add_table(
        "Streamed against fitted at once",
        [
            {name: f"{row[name]:.2e}" if name in sines else row[name] for name in row}
            for row in losses
        ],
    )
    run.results = {"chunk cost": costs, "loss": losses}
    run.save()


if __name__ == "__main__":
    main()
