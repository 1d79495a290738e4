"""Coverage of the confidence intervals of LinearContrastive.

A thousand draws of each model: shares of the intervals of 95 % that cover the truth, over all
features and entries, in the worst feature or entry, and for the limit of the subspace error.
"""

import warnings

import numpy as np

from sklearn_contrastive.evaluation import confidence_intervals
from sklearn_contrastive.linear import LinearContrastive

from .._common.record import Run
from .._common.spiked import equal_noise, haar, linear_noise, spiked_sample, subspace_error

# features, components' signal sds, samples, noise
CELLS = {
    "d=10, r=2, n=300, noise sd 1 to .4": (10, (2.0, 1.2), 300, linear_noise(0.4)),
    "d=10, r=2, n=2000, noise sd 1 to .4": (10, (2.0, 1.2), 2000, linear_noise(0.4)),
    "d=12, r=1, n=500, equal noise": (12, (1.5,), 500, equal_noise(1.0)),
    "d=20, r=3, n=500, noise sd 1 to .4": (20, (3.0, 2.0, 1.2), 500, linear_noise(0.4)),
    "d=30, r=2, n=1000, noise sd 1 to .1": (30, (2.0, 1.0), 1000, linear_noise(0.1)),
}


def one_draw(cell, seed):
    """Which intervals cover: noise variances, entries of components, and the subspace error."""
    d, signal, n, noise_of = CELLS[cell]
    rng = np.random.default_rng([list(CELLS).index(cell), 0])
    U, noise = haar(rng, d, len(signal)), noise_of(rng, d)
    rng = np.random.default_rng([list(CELLS).index(cell), 1, seed])
    X = spiked_sample(rng, n, U, np.array(signal), noise)
    with warnings.catch_warnings(action="ignore"):
        model = LinearContrastive(len(signal), random_state=0).fit(X)
    found = confidence_intervals(model)
    truth = U.T * np.sign(np.sum(U.T * model.components_, axis=1))[:, None]
    return (
        inside(noise**2, found.noise_variance),
        inside(truth, found.components).ravel(),
        subspace_error(model.components_, U) <= found.subspace_error,
    )


def inside(truth, ends):
    """Which true values are between the ends."""
    return (ends[0] <= truth) & (truth <= ends[1])


def coverage(draws):
    """Shares of the draws in which intervals cover."""
    noise, components, subspace = (np.array(part, float) for part in zip(*draws, strict=True))
    found = {}
    for name, covered in (("noise variances", noise), ("components", components)):
        found[name] = covered.mean()
        found[f"{name}, worst"] = covered.mean(axis=0).min()
    return found | {"subspace error": subspace.mean()}


def main():
    """Draw all models, and write the record."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1000, quick_seeds=50)
    drawn = run.draws(one_draw, [(cell,) for cell in CELLS])
    found = {cell: coverage(drawn[(cell,)]) for cell in CELLS}
    run.results["coverage"] = found
    run.add_table(
        "Share of intervals of 95 % that cover the truth",
        [{"": cell} | shares for cell, shares in found.items()],
    )
    means = [
        shares[name]
        for shares in found.values()
        for name in ("noise variances", "components", "subspace error")
    ]
    run.add_findings(
        "Findings", {"coverage of intervals of 95 %": f"{min(means):.1%} to {max(means):.1%}"}
    )
    run.save()


if __name__ == "__main__":
    main()
