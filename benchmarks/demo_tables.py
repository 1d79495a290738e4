"""Demonstration on tables: LinearContrastive in place of PCA, on real data and on a known model.

Prints two tables and saves one figure. Every reducer is followed by the same StandardScaler and
logistic regression, scored on three stratified folds.
"""

import time
import warnings
from itertools import chain, product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.metrics import sin_theta_distance

from ._common.classification import (
    NOISE,
    cross_validate,
    number_of_components,
    with_noisy_features,
)
from ._common.real_tables import load
from ._common.tables import text_table

TABLES = ("wine", "breast_cancer", "digits")
NOISE_DRAWS = 3
SUBSPACE_DRAWS = 5
NOISY_SDS = (0.5, 1, 1.5, 2, 3, 5, 10)
FIGURE = Path("demo_tables.png")
# Okabe and Ito's colours, which colour-blind readers can distinguish; the markers differ as well
STYLES = {
    "PCA": ("#999999", "s"),
    "Scaler+PCA": ("#E69F00", "^"),
    "Scaler+FactorAnalysis": ("#56B4E9", "v"),
    "LinearContrastive": ("#D55E00", "o"),
}


def reducers(k):
    """The four methods of the demo at k components."""
    return {
        "PCA": PCA(k),
        "Scaler+PCA": make_pipeline(StandardScaler(), PCA(k)),
        "Scaler+FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(k, random_state=0)),
        "LinearContrastive": LinearContrastive(k),
    }


def accuracy_rows(name, noise):
    """One line per method: accuracy (mean and sd over folds and draws), fit time, components."""
    X, y = load(name)
    versions = [X]
    if noise:
        generators = [np.random.default_rng(draw) for draw in range(NOISE_DRAWS)]
        versions = [with_noisy_features(X, *NOISE["noise .1 to 10"], rng) for rng in generators]
    rows = []
    candidates = reducers(number_of_components(X, y)) | {
        'LinearContrastive("auto")': LinearContrastive("auto")
    }
    for method, reducer in candidates.items():
        scores = [cross_validate(reducer, version, y) for version in versions]
        accuracy = np.concatenate([score.accuracy for score in scores])
        chosen = np.concatenate([score.n_components for score in scores])
        low, high = chosen.min(), chosen.max()
        row = {
            "data": f"{name}, noisy features" if noise else name,
            "reducer": method,
            "accuracy": float(accuracy.mean()),
            "sd": float(accuracy.std(ddof=1)),
            "fit ms": 1e3 * float(np.median(np.concatenate([score.seconds for score in scores]))),
            "components": str(low) if low == high else f"{low} to {high}",
        }
        rows.append(row)
    return rows


def subspace_errors(noisy_sd, n=2000, d=100, r=5):
    """Method -> errors over draws; five features have noise sd `noisy_sd`, the others .5."""
    noise = np.r_[np.full(5, noisy_sd), np.full(d - 5, 0.5)]
    errors = {method: [] for method in STYLES}
    for seed in range(SUBSPACE_DRAWS):
        X, truth = make_spiked_covariance(n, d, r, noise=noise, random_state=seed)
        for method, reducer in reducers(r).items():
            with warnings.catch_warnings(action="ignore"):  # a rival that has not converged
                components = _components(reducer.fit(X))
            errors[method].append(sin_theta_distance(components, truth.components))
    return errors


def _components(reducer):
    """Components in the units of the data, after a StandardScaler or without one."""
    if hasattr(reducer, "components_"):
        return reducer.components_
    return reducer[-1].components_ * reducer[0].scale_


def draw_figure(accuracies, errors):
    """Left: accuracies; right: subspace error against the noise of five features of a hundred."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(row["data"] for row in accuracies))
    for shift, (method, (colour, marker)) in zip(
        np.linspace(0.24, -0.24, len(STYLES)), STYLES.items(), strict=True
    ):
        rows = [row for row in accuracies if row["reducer"] == method]
        left.errorbar(
            [row["accuracy"] for row in rows],
            np.arange(len(names))[::-1] + shift,
            xerr=[row["sd"] for row in rows],
            fmt=marker,
            color=colour,
            capsize=2,
        )
        means = [np.mean(errors[sd][method]) for sd in NOISY_SDS]
        spread = [np.std(errors[sd][method], ddof=1) for sd in NOISY_SDS]
        ours = method == "LinearContrastive"
        right.errorbar(
            NOISY_SDS,
            means,
            yerr=spread,
            marker=marker,
            color=colour,
            capsize=2,
            label=method,
            # large and below, so that a rival at the same points stays visible above it
            markersize=9 if ours else 5,
            zorder=2 if ours else 3,
        )
    left.set_yticks(np.arange(len(names))[::-1], [name.replace(", ", "\n") for name in names])
    for boundary in np.arange(len(names) - 1) + 0.5:
        left.axhline(boundary, color="0.9", linewidth=1)
    left.set(xlabel="accuracy (mean ± sd over folds and draws)", title="Real tables")
    right.set(
        xscale="log",
        xlabel="noise sd of five features of a hundred (the others: 0.5)",
        ylabel="subspace error (0 is perfect, 2.24 the worst)",
        title="Five known directions",
        ylim=(0, None),
    )
    right.set_xticks(NOISY_SDS, [f"{sd:g}" for sd in NOISY_SDS], minor=False)
    right.minorticks_off()
    figure.legend(loc="outside lower center", ncols=len(STYLES), frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x" if axes is left else "y", color="0.92")
        axes.set_axisbelow(True)
    figure.savefig(FIGURE, dpi=150)


def main():
    """Print both tables and save the figure."""
    start = time.perf_counter()
    parallel = Parallel(n_jobs=2)
    cases = product((False, True), TABLES)
    rows = parallel(delayed(accuracy_rows)(name, noise) for noise, name in cases)
    accuracies = list(chain.from_iterable(rows))
    print(
        "Accuracy of reducer -> StandardScaler -> LogisticRegression. Noisy features: noise added"
    )
    print("to the standardised columns, its sd log-uniform between .1 and 10 per column.\n")
    print(text_table(accuracies))
    draws = parallel(delayed(subspace_errors)(sd) for sd in NOISY_SDS)
    errors = dict(zip(NOISY_SDS, draws, strict=True))
    print("\nFive known directions among 100 features, 2000 samples, noise sd .5 except in five")
    print("features; error of the estimated subspace (0 is perfect, 2.236 the worst).\n")
    print(
        text_table(
            [
                {"noise sd of the five": f"{sd:g}"}
                | {method: float(np.mean(error)) for method, error in errors[sd].items()}
                for sd in NOISY_SDS
            ]
        )
    )
    draw_figure(accuracies, errors)
    print(f"\nFigure: {FIGURE.resolve()}\nTotal time: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
