"""Demonstration on tables: LinearContrastive in place of PCA, on clean, noisy and wrong data.

Prints four tables and saves one figure. Every reducer is followed by the same StandardScaler and
logistic regression, scored on three stratified folds.
"""

import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.metrics import sin_theta_distance

from ._common.classification import (
    NOISE,
    accuracy_and_seconds,
    number_of_components,
    with_noisy_features,
)
from ._common.real_tables import load
from ._common.spoilt import gross_cells
from ._common.tables import text_table
from .linear._outlier_rivals import CappedColumns, directions

TABLES = ("wine", "breast_cancer", "digits")
CLEAN, NOISY, WRONG = "as shipped", "noisy features", "wrong cells"
WRONG_SHARE = 0.05
DRAWS = 3
SUBSPACE_DRAWS = 5
NOISY_SDS = (0.5, 1, 1.5, 2, 3, 5, 10)
FIGURE = Path("demo_tables.png")
OURS, ROBUST = "LinearContrastive", 'LinearContrastive(robust="cells")'
# Okabe and Ito's colours, which colour-blind readers can distinguish; the markers differ as well
STYLES = {
    "PCA": ("#999999", "s"),
    "Scaler+PCA": ("#E69F00", "^"),
    "Scaler+FactorAnalysis": ("#56B4E9", "v"),
    "Clip+Scaler+PCA": ("#009E73", "D"),
    OURS: ("#D55E00", "o"),
    ROBUST: ("#D55E00", "o"),
}


def reducers(k):
    """The methods of the demo at k components."""
    return {
        "PCA": PCA(k, random_state=0),
        "Scaler+PCA": make_pipeline(StandardScaler(), PCA(k, random_state=0)),
        "Scaler+FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(k, random_state=0)),
        "Clip+Scaler+PCA": make_pipeline(CappedColumns(), StandardScaler(), PCA(k, random_state=0)),
        OURS: LinearContrastive(k),
        ROBUST: LinearContrastive(k, robust="cells", random_state=0),
    }


def spoilt(X, condition, seed):
    """The table as shipped, with noise in its features, or with wrong cells."""
    rng = np.random.default_rng(seed)
    if condition == NOISY:
        return with_noisy_features(X, *NOISE["noise .1 to 10"], rng)
    return gross_cells(rng, X, WRONG_SHARE)[0] if condition == WRONG else X


def accuracies(name, condition):
    """Method -> accuracy in each draw, and method -> median seconds of one fit."""
    X, y = load(name)
    accuracy, seconds = {}, {}
    for method, reducer in reducers(number_of_components(X, y)).items():
        scores = [
            accuracy_and_seconds(reducer, spoilt(X, condition, seed), y, seed)
            for seed in range(DRAWS)
        ]
        accuracy[method] = [score[0] for score in scores]
        seconds[method] = float(np.median([score[1] for score in scores])) / 3  # three folds
    return accuracy, seconds


def subspace_errors(noisy_sd, n=2000, d=100, r=5):
    """Method -> errors over draws; five features have noise sd `noisy_sd`, the others .5."""
    noise = np.r_[np.full(5, noisy_sd), np.full(d - 5, 0.5)]
    errors = {method: [] for method in STYLES if method != ROBUST}
    for seed in range(SUBSPACE_DRAWS):
        X, truth = make_spiked_covariance(n, d, r, noise=noise, random_state=seed)
        for method in errors:
            with warnings.catch_warnings(action="ignore"):  # a rival that has not converged
                found = directions(reducers(r)[method].fit(X), X)
            errors[method].append(sin_theta_distance(found, truth.components))
    return errors


def print_accuracies(found, condition, title):
    """Print a table of one condition: a line for each method, a column for each table."""
    lines = []
    for method in STYLES:
        line = {"reducer": method}
        line |= {name: float(np.mean(found[condition, name][0][method])) for name in TABLES}
        line["fit ms, digits"] = f"{1e3 * found[condition, 'digits'][1][method]:.0f}"
        lines.append(line)
    print(f"\n{title}\n\n{text_table(lines)}")


def draw_losses(panel, found, name):
    """Accuracy of each method as shipped, and with wrong cells; the line between is the loss."""
    for place, (method, (colour, marker)) in enumerate(STYLES.items()):
        before, after = (np.mean(found[kind, name][0][method]) for kind in (CLEAN, WRONG))
        width = 3 if method == ROBUST else 1.5
        panel.plot([before, after], [-place] * 2, color=colour, linewidth=width)
        panel.plot(before, -place, marker, color=colour, markerfacecolor="white", markersize=8)
        panel.plot(after, -place, marker, color=colour, markersize=8)
        panel.annotate(
            f"{after:.2f}", (after, -place), (0, 9), textcoords="offset points", ha="center"
        )
    panel.set(title=name.replace("_", " "), xlabel="accuracy", xlim=(0.4, 1.03))
    panel.set_ylim(0.7 - len(STYLES), 0.7)
    panel.set_yticks([-place for place in range(len(STYLES))], [_in_two_lines(m) for m in STYLES])


def draw_errors(panel, errors):
    """Subspace error against the noise of five features of a hundred, a name at each line."""
    for method, (colour, marker) in STYLES.items():
        if method == ROBUST:
            continue
        means = [np.mean(errors[sd][method]) for sd in NOISY_SDS]
        ours = method == OURS
        # ours large and below, so that a rival at the same points stays visible above it
        size, order = (9, 2) if ours else (5, 3)
        panel.plot(
            NOISY_SDS, means, marker, ls="-", color=colour, ms=size, zorder=order, label=method
        )
    panel.set(
        xscale="log",
        xlabel="noise sd of five features of a hundred",
        ylabel="error of five known directions",
        title="Unequal noise, nothing wrong",
        ylim=(0, None),
    )
    panel.set_xticks(NOISY_SDS, [f"{sd:g}" for sd in NOISY_SDS], minor=False)
    panel.minorticks_off()
    # the gap between PCA and the others
    panel.legend(frameon=False, fontsize="small", loc="center right", bbox_to_anchor=(1, 0.68))


def draw_figure(found, errors):
    """Left: what wrong cells cost on real tables; right: what unequal noise costs."""
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2.6, 1))
    left.suptitle(
        f"Accuracy before (open) and after (filled) {WRONG_SHARE:.0%} of the cells become wrong"
    )
    panels = left.subplots(1, len(TABLES), sharey=True)
    for panel, name in zip(panels, TABLES, strict=True):
        draw_losses(panel, found, name)
    panels[0].get_yticklabels()[-1].set_weight("bold")
    draw_errors(right.subplots(), errors)
    for panel in figure.axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="0.92")
        panel.set_axisbelow(True)
    figure.savefig(FIGURE, dpi=150)


def _in_two_lines(method):
    return method.replace("(", "\n(").replace("Scaler+Factor", "Scaler+\nFactor")


def main():
    """Print the tables and save the figure."""
    start = time.perf_counter()
    print("Tables: accuracy of reducer -> StandardScaler -> LogisticRegression; under a minute.")
    # the slow ones first, so that neither core waits
    cases = list(product((CLEAN, NOISY, WRONG), TABLES))[::-1]
    calls = [delayed(accuracies)(name, kind) for kind, name in cases]
    calls += [delayed(subspace_errors)(sd) for sd in NOISY_SDS]
    results = Parallel(n_jobs=2, return_as="generator")(calls)
    # the time left, on a terminal only
    form = "{percentage:3.0f}% |{bar}| {elapsed} done, {remaining} left"
    results = list(tqdm(results, total=len(calls), bar_format=form, leave=False, disable=None))
    found = dict(zip(cases, results, strict=False))
    errors = dict(zip(NOISY_SDS, results[len(cases) :], strict=True))
    print_accuracies(found, CLEAN, "As shipped:")
    print_accuracies(found, NOISY, "Noise added to each feature, its sd between .1 and 10:")
    wrong = f"{WRONG_SHARE:.0%} of the cells replaced by noise of ten standard deviations"
    print_accuracies(found, WRONG, f"{wrong}, in training and test rows:")
    print("\nError of five known directions, 0 to 2.24; 2000 samples, 100 features of noise sd .5")
    print("except five:\n")
    print(
        text_table(
            [
                {"noise sd of the five": f"{sd:g}"}
                | {method: float(np.mean(error)) for method, error in errors[sd].items()}
                for sd in NOISY_SDS
            ]
        )
    )
    draw_figure(found, errors)
    print(f"\nFigure: {FIGURE.resolve()}, after {time.perf_counter() - start:.0f} s\n")


if __name__ == "__main__":
    main()
