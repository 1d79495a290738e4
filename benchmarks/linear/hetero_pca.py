"""Subspace error and divergence of HeteroPCA, plain and deflated, beside LinearContrastive.

Settings and draws are those of `subspace`. Every method is given the true number of components.
HeteroPCA is fitted to the features as they are and to standardised features, its loadings scaled
back. Components that it drops count as missed. A ConvergenceWarning marks a fit that diverged.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive

from .._common.averages import averaged, plus_minus
from .._common.estimators import closed_form
from .._common.record import Run
from .._common.spiked import spiked_sample, subspace_error
from .subspace import OURS, SETTINGS

METHODS = {
    OURS: LinearContrastive,
    "closed form": closed_form,
    "HeteroPCA": lambda r: HeteroPCA(r, deflated=False),
    "deflated": HeteroPCA,
}
SCALED = {f"Scaler+{name}": name for name in ("closed form", "HeteroPCA", "deflated")}
HETERO = [name for name in [*METHODS, *SCALED] if name.endswith(("HeteroPCA", "deflated"))]
NAMES = [*METHODS, *SCALED]


def one_draw(setting, seed):
    """Method -> subspace error, whether the fit diverged, number of eigenproblems."""
    n, d, r, signal, noise, draw_subspace = SETTINGS[setting]
    rng = np.random.default_rng([seed, list(SETTINGS).index(setting)])
    U = draw_subspace(rng, d, r)
    X = spiked_sample(rng, n, U, np.asarray(signal), noise(rng, d))
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    outcome = {"errors": {}, "diverged": {}, "n_iter": {}}
    for name in NAMES:
        scaled = name in SCALED
        with warnings.catch_warnings(record=True, action="always") as caught:
            model = METHODS[SCALED.get(name, name)](r).fit(Z if scaled else X)
        components = model.components_ * scaler.scale_ if scaled else model.components_
        outcome["errors"][name] = subspace_error(components, U)
        outcome["n_iter"][name] = model.n_iter_
        outcome["diverged"][name] = any(
            issubclass(warning.category, ConvergenceWarning) and "diverged" in str(warning.message)
            for warning in caught
        )
    return outcome


def summary(setting, draws):
    """Errors, shares of divergence, eigenproblems, and our error over the best HeteroPCA's."""
    average = averaged([draw["errors"] for draw in draws])
    means = average["mean"]
    best = min(HETERO, key=means.get)
    return {
        "setting": setting,
        **average,
        "best": best,
        "ratio": means[OURS] / means[best],
        "diverged": {
            name: float(np.mean([draw["diverged"][name] for draw in draws])) for name in HETERO
        },
        "n_iter": {
            name: float(np.median([draw["n_iter"][name] for draw in draws])) for name in NAMES
        },
    }


def main():
    """Run every setting; list where HeteroPCA is more accurate and where it diverges."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=8)
    settings = list(SETTINGS)[4:12] if run.quick else list(SETTINGS)
    draws = run.draws(one_draw, [(setting,) for setting in settings])
    results = [summary(setting, draws[setting,]) for setting in settings]
    missed = [
        f"{result['setting']}: {result['ratio']:.3f} times {result['best']}"
        for result in results
        if result["ratio"] > 1
    ]
    run.add_table(
        "Subspace error",
        [
            {"setting": result["setting"]}
            | plus_minus(result, NAMES)
            | {"ratio": result["ratio"], "best HeteroPCA": result["best"]}
            for result in results
        ],
        f"HeteroPCA more accurate: {'; '.join(missed) or 'nowhere'}.",
    )
    run.add_table(
        "Share of fits that diverged, and median number of eigenproblems",
        [
            {"setting": result["setting"]}
            | {f"{name} diverged": share for name, share in result["diverged"].items()}
            | {f"{name} n_iter": round(result["n_iter"][name]) for name in [OURS, *HETERO]}
            for result in results
        ],
    )
    run.results = {"settings": results, "missed": missed}
    run.save()


if __name__ == "__main__":
    main()
