"""Accuracy on real tables against the share of labels and the number of components.

Reducer -> StandardScaler -> logistic regression, scored on a random stratified third of the rows
that neither was fitted to. Against labels, reducers are fitted to all training rows, the
classifier and linear discriminant analysis to those with a label. Noise of a per-column sd that
is log-uniform in the given range is added to standardised columns. Six tables from installed
packages, at most 900 rows and 400 columns. There is no independent measurement of this protocol.
"""

import warnings
from itertools import product

import numpy as np
from sklearn.covariance import OAS
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_contrastive.linear import LinearContrastive, SupervisedLinearContrastive

from .._common.averages import averaged, with_prefix
from .._common.classification import NOISE, number_of_components, with_noisy_features
from .._common.plots import curve, panels, shared_legend
from .._common.real_tables import LOADERS, load
from .._common.record import Run

ROWS = ("as shipped", "noise .1 to 3", "noise .1 to 10")
LABELS = (0.05, 0.1, 0.2, 0.5, 1.0)
COMPONENTS = (1, 2, 3, 5, 8, 12, 20)
AXES = {"share of labels": LABELS, "components": COMPONENTS}
OURS = ("LinearContrastive", "SupervisedLinearContrastive")
RIVALS = ("Scaler+PCA", "Scaler+FA", "LDA", "LinearContrastive")
METHODS = ("PCA", *RIVALS[:2], OURS[0], "Scaler+supervised, alpha=1", OURS[1], "LDA")
SUPERVISED = ("Scaler+supervised, alpha=1", OURS[1])
EVERYTHING = "no reduction"


STYLES = {
    "Scaler+supervised, alpha=1": {"color": "#009E73", "marker": "P", "linestyle": ":"},
    "SupervisedLinearContrastive": {"color": "#009E73", "marker": "P"},
    "LDA": {"color": "#000000", "marker": "x"},
    EVERYTHING: {"color": "#000000", "linestyle": ":"},
}


def reducers(k, n_classes):
    """Name -> reducer to k components; LDA to as many as it has."""
    # shrunk, or it has no solution where labels are few
    discriminant = LinearDiscriminantAnalysis(
        solver="eigen", covariance_estimator=OAS(), n_components=min(k, n_classes - 1)
    )
    steps = {
        "PCA": (PCA(k, random_state=0),),
        "Scaler+PCA": (StandardScaler(), PCA(k, random_state=0)),
        "Scaler+FA": (StandardScaler(), FactorAnalysis(k, random_state=0)),
        "LinearContrastive": (LinearContrastive(k, random_state=0),),
        "Scaler+supervised, alpha=1": (
            StandardScaler(),
            SupervisedLinearContrastive(k, alpha=1.0, random_state=0),
        ),
        "SupervisedLinearContrastive": (SupervisedLinearContrastive(k, random_state=0),),
        "LDA": (StandardScaler(), discriminant),
        EVERYTHING: (FunctionTransformer(),),
    }
    return {name: make_pipeline(*step) for name, step in steps.items()}


def split(name, row, seed):
    """Training and test rows of a table, with noisy features where `row` is a kind of noise."""
    X, y = load(name)
    rng = np.random.default_rng([seed, list(LOADERS).index(name), ROWS.index(row)])
    if row in NOISE:
        X = with_noisy_features(X, *NOISE[row], rng)
    return train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=seed)


def some_labels(rng, y, share):
    """Labels of a share of each class, at least two samples, and -1 for the others."""
    partial = np.full(len(y), -1)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        partial[members[: max(2, round(share * len(members)))]] = label
    return partial


def accuracy(reducer, X, y, X_test, y_test):
    """Share of test rows that a classifier of the labelled training rows gets right."""
    labelled = y != -1
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    classifier.fit(reducer.transform(X[labelled]), y[labelled])
    return classifier.score(reducer.transform(X_test), y_test)


def labels_draw(name, row, seed):
    """`share of labels, method` -> accuracy, at as many components as classes, 3 to 10."""
    X, X_test, y, y_test = split(name, row, seed)
    k, n_classes = number_of_components(X, y), len(np.unique(y))
    rng, outcome = np.random.default_rng(seed), {}
    with warnings.catch_warnings(action="ignore"):  # FactorAnalysis that stops early
        unsupervised = {
            method: reducer.fit(X)
            for method, reducer in reducers(k, n_classes).items()
            if method not in ("LDA", *SUPERVISED)
        }
        for share in LABELS:
            partial = some_labels(rng, y, share)
            labelled = partial != -1
            fitted = dict(unsupervised)
            for method, reducer in reducers(k, n_classes).items():
                if method == "LDA":
                    fitted[method] = reducer.fit(X[labelled], y[labelled])
                elif method in SUPERVISED:
                    fitted[method] = reducer.fit(X, partial)
            for method, reducer in fitted.items():
                key = f"{share}, {method}"
                outcome[key] = accuracy(reducer, X, partial, X_test, y_test)
    return outcome


def components_draw(name, row, seed):
    """`components, method` -> accuracy with all labels of the training rows."""
    X, X_test, y, y_test = split(name, row, seed)
    outcome = {}
    with warnings.catch_warnings(action="ignore"):
        for k in COMPONENTS:
            for method, reducer in reducers(min(k, X.shape[1] // 2), len(np.unique(y))).items():
                key, first = f"{k}, {method}", f"{COMPONENTS[0]}, {method}"
                if method == EVERYTHING and first in outcome:
                    outcome[key] = outcome[first]
                else:
                    outcome[key] = accuracy(reducer.fit(X, y), X, y, X_test, y_test)
    return outcome


def over_tables(draws):
    """Mean over the tables for each seed, so that the spread is over draws, not tables."""
    return [
        {name: float(np.mean([draw[name] for draw in same_seed])) for name in same_seed[0]}
        for same_seed in zip(*draws, strict=True)
    ]


def with_spread(draws, method, values):
    """Cells of a table: mean and standard deviation over draws."""
    cells = {}
    for value in values:
        accuracies = [draw[f"{value}, {method}"] for draw in draws]
        cells[str(value)] = f"{np.mean(accuracies):.3f} (sd {np.std(accuracies, ddof=1):.3f})"
    return cells


def add_part(run, function, names, values, axis):
    """Draw one part; a table of means for every kind of noise, one of single data sets."""
    cases = [(name, row) for row in ROWS for name in names]
    drawn = run.draws(function, cases)
    means = {}
    for row in ROWS:
        draws = over_tables([drawn[name, row] for name in names])
        means[row] = averaged(draws)
        run.add_table(
            f"Accuracy against {axis}, {row}, mean over {len(names)} tables",
            [
                {axis: method} | with_spread(draws, method, values)
                for method in (*METHODS, EVERYTHING)
            ],
            "Spread over draws of rows and noise.",
        )
    middle = values[len(values) // 2]
    run.add_table(
        f"Accuracy at {middle} {axis}, table by table",
        [
            {"": f"{name}, {row}"}
            | {
                method: with_spread(drawn[name, row], method, [middle])[str(middle)]
                for method in (*METHODS, EVERYTHING)
            }
            for name, row in cases
        ],
    )
    tables = {f"{name}, {row}": averaged(draws) for (name, row), draws in drawn.items()}
    run.results[axis] = {"means over tables": means, "tables": tables}
    return drawn


def differences(run, drawn, values, axis):
    """Ours - rival, paired by table, draw and value: mean, sd, and share not below."""
    rows = []
    for row in ROWS:
        for ours, rival in product(OURS, RIVALS):
            if ours == rival:
                continue
            gaps = np.array(
                [
                    draw[f"{value}, {ours}"] - draw[f"{value}, {rival}"]
                    for (_, drawn_row), draws in drawn.items()
                    if drawn_row == row
                    for draw in draws
                    for value in values
                ]
            )
            rows.append(
                {
                    "": row,
                    "ours": ours,
                    "rival": rival,
                    "mean of differences": f"{gaps.mean():+.3f}",
                    "sd": float(gaps.std(ddof=1)),
                    "share not below": float(np.mean(gaps >= 0)),
                }
            )
    run.results[axis]["differences"] = rows
    run.add_table(f"Ours - rival, over all tables, draws and {axis}", rows)
    return rows


def findings(rows_of):
    """Rivals above ours by more than .005 on average."""
    return {
        f"{ours} below a rival, over {axis}": ", ".join(
            f"{row['rival']} ({row['']}) {row['mean of differences']}"
            for row in rows
            if row["ours"] == ours and float(row["mean of differences"]) < -0.005
        )
        or "none"
        for axis, rows in rows_of.items()
        for ours in OURS
    }


def draw_figure(results):
    """One row per kind of noise of a record; labels at the left, components at the right."""
    figure, axes = panels(len(ROWS), len(AXES))
    for panels_, row in zip(axes.reshape(len(ROWS), len(AXES)), ROWS, strict=True):
        for panel, (axis, values) in zip(panels_, AXES.items(), strict=True):
            means = results[axis]["means over tables"]
            averages = [with_prefix(means[row], value) for value in values]
            for method in (*METHODS, EVERYTHING):
                curve(panel, values, averages, method, **STYLES.get(method, {}))
            panel.set(xscale="log", xlabel=axis, title=row)
            panel.set_xticks(values, [str(value) for value in values])
            panel.minorticks_off()
        panels_[0].set_ylabel("accuracy, mean over tables")
    shared_legend(figure, axes, ncols=3)
    return figure


def main():
    """Run both parts; compare ours with the rivals by table and draw."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    names = ["wine", "breast_cancer", "digits"] if run.quick else list(LOADERS)
    rows_of = {}
    for function, (axis, values) in zip((labels_draw, components_draw), AXES.items(), strict=True):
        drawn = add_part(run, function, names, values, axis)
        rows_of[axis] = differences(run, drawn, values, axis)
    run.add_findings("Findings", findings(rows_of))
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
