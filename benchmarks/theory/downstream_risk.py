"""Excess risk of regression and classification on the estimated features.

Risks of the population, not of a sample: the best linear regression and classification on the
features, for a random task and for the worst task. LinearContrastive has two entries: its
components, and the weighted scores of `transform`, which span other features.
"""

import contextlib

import numpy as np

from sklearn_contrastive.linear import LinearContrastive
from sklearn_contrastive.theory.bounds import contrastive_certificate
from sklearn_contrastive.theory.risk import (
    classification_risk,
    excess_classification_bound,
    excess_classification_risk,
    excess_regression_bound,
    excess_regression_risk,
    pca_excess_classification_bound,
    pca_excess_regression_bound,
    regression_risk,
)

from .._common.averages import averaged, with_prefix
from .._common.plots import curve, panels, plain_log_y, shared_legend, wrapped
from .._common.record import Run
from .._common.spiked import five_noisy, haar, linear_noise
from . import _reference
from ._agreement import add_agreement, compared
from ._estimators import OURS, TRAINED, UNTRAINED, estimated_components
from ._predictions import model_of
from ._spiked_settings import Setting, Sweep

SWEEPS = {
    sweep.title: sweep
    for sweep in (
        Sweep(
            "d; noise sd from 1 to .5, r=10, n=20000",
            "d",
            "features",
            (40, 80, 110),
            lambda d: Setting(20_000, d, 10, linear_noise(0.5)),
            (40, 80),
            _reference.RISK_AGAINST_FEATURES,
        ),
        Sweep(
            "s; five features at noise sd s, the others at .5, r=5, d=100, n=5000",
            "s",
            "noise sd of five features, .5 in the others",
            (0.5, 1, 1.5, 2, 3),
            lambda s: Setting(5000, 100, 5, five_noisy(s)),
            (0.5, 1, 3),
            _reference.RISK_AGAINST_NOISY_FEATURES,
        ),
        Sweep(
            "n; five features at noise sd 2, the others at .5, r=5, d=100",
            "n",
            "samples",
            (200, 500, 2000, 20_000),
            lambda n: Setting(n, 100, 5, five_noisy(2)),
            (200, 2000),
            _reference.RISK_AGAINST_SAMPLES,
        ),
    )
}
# cells in which networks are trained: PCA fails partly, and completely
TRAINED_IN = ("s=1", "s=3")
SCORES, TRUTH, BEST, RISK = f"{OURS}, scores", "U*", "best features", "risk of U*"
# task -> excess risk, risk, whether the task is drawn
TASKS = {
    "regression": (excess_regression_risk, regression_risk, True),
    "classification": (excess_classification_risk, classification_risk, True),
    "worst task": (excess_regression_risk, regression_risk, False),
    "worst classification": (excess_classification_risk, classification_risk, False),
}
# of the closed form by the certificate of the sample, and of PCA in the population
UPPER, LOWER = "bound of the closed form's risk", "lower bound of PCA's risk"
BOUNDS = {
    "regression": (excess_regression_bound, None),
    "classification": (excess_classification_bound, None),
    "worst task": (excess_regression_bound, pca_excess_regression_bound),
    "worst classification": (excess_classification_bound, pca_excess_classification_bound),
}
FIGURE = ["PCA", "Scaler+PCA", "closed form", OURS, "HeteroPCA", "FA"]


def scoring_rows(X, r):
    """Rows of the linear map `transform` of the default estimator."""
    model = LinearContrastive(r).fit(X)
    return (model.transform(np.eye(X.shape[1])) - model.transform(np.zeros_like(X[:1]))).T


def risk_bounds(model, X, weights, task):
    """Bounds of the excess risk over U*; one is left out where its condition fails."""
    upper, lower = BOUNDS[task]
    found = {}
    with contextlib.suppress(ValueError):
        covariance = np.cov(X, rowvar=False)
        np.fill_diagonal(covariance, 0)
        distance = contrastive_certificate(model, covariance)
        found[UPPER] = upper(model, distance, weights, reference="signal")
    with contextlib.suppress(ValueError):
        if lower is not None:
            found[LOWER] = lower(model, reference="signal")
    return found


def one_draw(title, cell, seed):
    """`task, method` -> excess risk over the features U*, on one draw of a cell."""
    sweep = SWEEPS[title]
    setting = sweep.cells()[cell]
    position = list(SWEEPS).index(title), list(sweep.cells()).index(cell)
    problem = setting.draw(seed, *position)
    task = haar(np.random.default_rng([seed, *position, 1]), setting.r, 1)[:, 0]
    methods = UNTRAINED + (TRAINED if cell in TRAINED_IN else [])
    features = estimated_components(problem.X, setting.r, methods)
    features[SCORES] = scoring_rows(problem.X, setting.r)
    model = model_of(problem, setting)
    features[BEST] = model.optimal_components()
    outcome = {}
    for name, (excess, risk, is_drawn) in TASKS.items():
        weights = task if is_drawn else None
        for method, rows in features.items():
            outcome[f"{name}, {method}"] = excess(model, rows, weights, reference="signal")
        for bound, value in risk_bounds(model, problem.X, weights, name).items():
            outcome[f"{name}, {bound}"] = value
        outcome[f"{name}, {RISK}"] = risk(model, model.components, weights)
    return outcome


def over_the_best(draw):
    """Excess over the best features, for U* too."""
    outcome = {}
    for task in TASKS:
        best = draw[f"{task}, {BEST}"]
        for key, excess in draw.items():
            if key.startswith(f"{task}, ") and not key.endswith((BEST, RISK)):
                outcome[key] = excess - best
        outcome[f"{task}, {TRUTH}"] = -best
    return outcome


def add_tables(run, cells, title, note):
    """One table per task."""
    for task in TASKS:
        parts = {label: with_prefix(average, task) for label, average in cells.items()}
        run.add_table(
            f"{title}, {task}",
            [
                {"": label} | four_digits(average, average["mean"])
                for label, average in parts.items()
            ],
            note,
        )


def four_digits(average, names):
    """Cells of a table, as `plus_minus` gives them, with one digit more."""
    return {
        name: f"{average['mean'][name]:+.4f}±{average['standard_error'][name]:.4f}"
        for name in names
    }


def findings(over_best):
    """Excess of each method, and of U*, over the best features."""
    found = {}
    for title, averages in over_best.items():
        for label in (next(iter(averages)), list(averages)[-1]):
            mean = with_prefix(averages[label], "regression")["mean"]
            found[f"squared error over the best features, {title.split('; ')[1]}, {label}"] = (
                ", ".join(
                    f"{name} {mean[name]:.4f}"
                    for name in ("PCA", TRUTH, "closed form", OURS, SCORES)
                )
            )
    return found


def violations(drawn):
    """Draws in which a measured excess risk is on the wrong side of its bound."""
    found = {}
    for bound, method, sign in ((UPPER, "closed form", 1), (LOWER, "PCA", -1)):
        excesses = [
            sign * (draw[f"{task}, {method}"] - draw[f"{task}, {bound}"])
            for draws in drawn.values()
            for draw in draws
            for task in TASKS
            if f"{task}, {bound}" in draw
        ]
        wrong = sum(excess > 1e-9 for excess in excesses)
        found[f"risks of {method} beyond the {bound}"] = f"{wrong} of {len(excesses)}"
    return found


def draw_figure(results):
    """One row per sweep of a record, one column per task; log scales: the best features are at 0.

    The curves of classification have the form of those of regression and are left out.
    """
    units = {
        "regression": "mean squared error (of variance 1)",
        "worst task": "mean squared error, worst task",
    }
    figure, axes = panels(len(SWEEPS), len(units))
    axes = axes.reshape(len(SWEEPS), len(units))
    for row, (title, sweep) in zip(axes, SWEEPS.items(), strict=True):
        over_best = results[title]["over the best features"]
        x = [float(label.split("=")[1]) for label in over_best]
        for panel, (task, unit) in zip(row, units.items(), strict=True):
            averages = [with_prefix(average, task) for average in over_best.values()]
            for name in FIGURE:
                curve(panel, x, averages, name)
            # exactly 0 where the noise is equal
            uneven = [i for i, average in enumerate(averages) if average["mean"][TRUTH] > 1e-9]
            curve(
                panel,
                [x[i] for i in uneven],
                [averages[i] for i in uneven],
                TRUTH,
                color="#000000",
                linestyle="--",
            )
            curve(panel, x, averages, SCORES, color="#D55E00", marker="*", linestyle="--")
            curve(panel, x, averages, UPPER, color="#CC79A7", marker="v", linestyle=":")
            curve(panel, x, averages, LOWER, color="#999999", marker="^", linestyle=":")
            for name in TRAINED:
                curve(panel, x, averages, name, f"{name}, trained", linestyle="none", markersize=8)
            panel.set(xscale="log", yscale="log")
            panel.set_xticks(x, [f"{value:g}" for value in x])
            panel.minorticks_off()
            plain_log_y(panel)
            panel.set(xlabel=sweep.axis, ylabel=unit, title=wrapped(title.split("; ")[1]))
    figure.suptitle("Excess risk over the best features")
    shared_legend(figure, axes.ravel(), ncols=3)
    return figure


def main():
    """Run the sweeps, relative to U* and to the best features."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    cases = [(title, label) for title, sweep in SWEEPS.items() for label in sweep.cells(run.quick)]
    drawn = run.draws(one_draw, cases)
    records, over_best = [], {}
    for title, sweep in SWEEPS.items():
        labels = list(sweep.cells(run.quick))
        cells = {label: averaged(drawn[title, label]) for label in labels}
        over_best[title] = {
            label: averaged([over_the_best(draw) for draw in drawn[title, label]])
            for label in labels
        }
        run.results[title] = {"over U*": cells, "over the best features": over_best[title]}
        add_tables(
            run,
            cells,
            f"Excess risk over the features U*, against {title}",
            "Below 0: better than U*, which is not optimal where noise is unequal.",
        )
        parts = {
            f"{label}, {task}": with_prefix(average, task)
            for label, average in cells.items()
            for task in TASKS
        }
        records += compared(run, title, parts, sweep.reference)
    below = sum(
        excess < -1e-9
        for draws in drawn.values()
        for draw in draws
        for key, excess in over_the_best(draw).items()
        if not key.endswith((UPPER, LOWER))
    )
    found = {"risks below those of the best features": f"{below}"} | violations(drawn)
    run.add_findings("Findings", found | findings(over_best))
    add_agreement(run, records)
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
