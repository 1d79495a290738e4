"""HeteroPCA, plain and deflated, beside LinearContrastive in the settings of `subspace.py`.

The same draws, the true number of components for everyone. HeteroPCA sees the features as they
are, and once more standardised, its loadings scaled back; components that it drops count as
missed. A fit that diverged said so by its warning.
"""

import time
import warnings

import numpy as np
from _report import averaged, parse_arguments, plus_minus, report, table
from _spiked import spiked_sample, subspace_error
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from subspace import OURS, SETTINGS

from sklearn_contrastive import HeteroPCA, LinearContrastive

METHODS = {
    OURS: LinearContrastive,
    "closed form": lambda r: LinearContrastive(r, max_iter=0, noise_weighted=False),
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
    """Run every setting and say where HeteroPCA is more accurate, and where it diverges."""
    arguments = parse_arguments("heteropca", __doc__.splitlines()[0], seeds=8)
    start = time.perf_counter()
    seeds = range(arguments.seeds)
    settings = list(SETTINGS)[4:12] if arguments.quick else list(SETTINGS)
    draws = iter(
        Parallel(n_jobs=2)(
            delayed(one_draw)(setting, seed) for setting in settings for seed in seeds
        )
    )
    results = [summary(setting, [next(draws) for _ in seeds]) for setting in settings]
    print(
        table(
            [
                {"setting": result["setting"]}
                | plus_minus(result, NAMES)
                | {"ratio": result["ratio"], "best HeteroPCA": result["best"]}
                for result in results
            ]
        ),
        "\n",
    )
    print(
        table(
            [
                {"setting": result["setting"]}
                | {f"{name} diverged": share for name, share in result["diverged"].items()}
                | {f"{name} n_iter": round(result["n_iter"][name]) for name in [OURS, *HETERO]}
                for result in results
            ]
        )
    )
    missed = [
        f"{result['setting']}: {result['ratio']:.3f} times {result['best']}"
        for result in results
        if result["ratio"] > 1
    ]
    print(f"\nHeteroPCA more accurate: {'; '.join(missed) or 'nowhere'}")
    report(arguments, {"settings": results, "missed": missed}, time.perf_counter() - start)


if __name__ == "__main__":
    main()
