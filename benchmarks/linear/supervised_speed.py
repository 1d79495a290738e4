"""Time of SupervisedLinearContrastive beside LinearContrastive on the same samples.

Low rank plus noise of sd uniform in [.5, 1.5], labels at random in classes of unequal sizes; a
share of the samples has none. The calls are interleaved; medians of the ratios.
"""

import numpy as np

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive

from .._common.record import Run
from .._common.spiked import timing_problem
from .._common.timing import interleaved_times, median_ratio

ALLOWED = 2.0
# n, d, k, classes, share with a label
CELLS = [
    (50_000, 500, 10, 10, 1.0),
    (50_000, 500, 10, 10, 0.1),
    (20_000, 1_000, 20, 10, 1.0),
    (20_000, 1_000, 20, 300, 1.0),
    (100_000, 100, 10, 10, 1.0),
    (100_000, 100, 10, 1_000, 1.0),
    (100_000, 20, 5, 1_000, 1.0),
    (20_000, 50, 5, 5, 0.5),
    (1_000, 10_000, 20, 10, 1.0),
    (2_000, 40, 5, 6, 0.5),
    (2_000, 40, 5, 100, 1.0),
]


def ratios(n, d, k, n_classes, share, repetitions):
    """Times of one cell."""
    X, _ = timing_problem(n, d, k, "float64", "just clear" if d > n else "sd 2")
    rng = np.random.default_rng(0)
    y = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 5.0)))
    y[rng.uniform(size=n) >= share] = -1
    plain = LinearContrastive(k, random_state=0)
    model = SupervisedLinearContrastive(k, random_state=0)
    times = interleaved_times(
        {"without": lambda: plain.fit(X), "with labels": lambda: model.fit(X, y)},
        repetitions,
    )
    return {
        "n": n,
        "d": d,
        "k": k,
        "classes": n_classes,
        "labelled": share,
        "without ms": 1e3 * float(np.median(times["without"])),
        "with labels ms": 1e3 * float(np.median(times["with labels"])),
        "ratio": median_ratio(times, "with labels", "without"),
        "allowed": ALLOWED,
    }


def main():
    """Time every cell; with `--quick`, tenths of the samples."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    scale = 10 if run.quick else 1
    cells = [ratios(n // scale, *rest, repetitions=max(7, len(run.seeds))) for n, *rest in CELLS]
    missed = [
        f"supervised fit {cell['n']} x {cell['d']}, {cell['classes']} classes: "
        f"{cell['ratio']:.2f} times that without labels"
        for cell in cells
        if cell["ratio"] > cell["allowed"]
    ]
    run.add_table("Time of a fit", cells, f"Above {ALLOWED}: {'; '.join(missed) or 'none'}")
    run.results = {"fit": cells, "missed": missed}
    run.save()


if __name__ == "__main__":
    main()
