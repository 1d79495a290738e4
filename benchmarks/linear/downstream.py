"""Accuracy of a classifier after a reducer, on six real tables, clean and with noisy features.

Reducer -> StandardScaler -> logistic regression; as many components as classes, between 3 and 10
and at most half the features; three fixed stratified folds. Noise of a per-column sd that is
log-uniform in the given range is added to standardised columns.
"""

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.classification import (
    NOISE,
    cross_validate,
    number_of_components,
    standardised,
    with_noisy_features,
)
from .._common.real_tables import LOADERS, load
from .._common.record import Run
from .._common.tables import print_targets

ROWS = ["as shipped", "standardised", *NOISE]
OURS = "LinearContrastive"
RIVALS = ["Scaler+PCA", "Scaler+FA"]


def reducers(k):
    """Name -> reducer to k components ("auto" chooses the number)."""
    return {
        "PCA": PCA(k, random_state=0),
        "Scaler+PCA": make_pipeline(StandardScaler(), PCA(k, random_state=0)),
        "FA": FactorAnalysis(k, random_state=0),
        "Scaler+FA": make_pipeline(StandardScaler(), FactorAnalysis(k, random_state=0)),
        "Scaler+closed form": make_pipeline(StandardScaler(), LinearContrastive(k, max_iter=0)),
        OURS: LinearContrastive(k),
        "auto": LinearContrastive("auto"),
        "no reduction": FunctionTransformer(),
    }


def accuracies(name, row, draw):
    """Reducer -> accuracies of the folds, and the numbers of components "auto" chose."""
    X, y = load(name)
    k = number_of_components(X, y)
    if row in NOISE:
        rng = np.random.default_rng([draw, list(LOADERS).index(name), ROWS.index(row)])
        X = with_noisy_features(X, *NOISE[row], rng)
    elif row == "standardised":
        X = standardised(X)
    scores = {reducer: cross_validate(step, X, y) for reducer, step in reducers(k).items()}
    accuracy = {reducer: score.accuracy.tolist() for reducer, score in scores.items()}
    return accuracy, scores["auto"].n_components.tolist()


def cell(name, row, outcomes):
    """Mean accuracies of one table and noise, and the paired differences over draws x folds."""
    values = {
        reducer: np.ravel([accuracy[reducer] for accuracy, _ in outcomes])
        for reducer in outcomes[0][0]
    }
    return {
        "data": name,
        "row": row,
        "accuracy": {reducer: float(value.mean()) for reducer, value in values.items()},
        "difference": {rival: paired_difference(values[OURS] - values[rival]) for rival in RIVALS},
        "auto_n_components": [chosen for _, chosen in outcomes],
    }


def paired_difference(differences):
    """Mean and standard deviation of paired differences."""
    return {"mean": float(differences.mean()), "sd": float(differences.std(ddof=1))}


def missed_targets(cells, means):
    """Target -> cells that miss it."""
    below_fa = [
        f"{cell['data']}, {cell['row']}: {cell['difference']['Scaler+FA']['mean']:+.3f}"
        for cell in cells
        if cell["difference"]["Scaler+FA"]["mean"] < -0.01
    ]
    not_above_pca = [row for row in NOISE if means[row][OURS] <= means[row]["Scaler+PCA"]]
    below_best = [
        f"{row}: {means[row][OURS] - best:+.4f}"
        for row in ROWS
        if means[row][OURS] < (best := max(means[row][rival] for rival in RIVALS)) - 0.003
    ]
    overall = {name: np.mean([means[row][name] for row in ROWS]) for name in [OURS, *RIVALS]}
    not_above = [rival for rival in RIVALS if overall[OURS] <= overall[rival]]
    return {
        "at most .01 below Scaler+FA on any table and noise": below_fa,
        "above Scaler+PCA on the mean of every noisy row": not_above_pca,
        "at most .003 below the best of both on the mean of each row": below_best,
        "above both on the mean of all rows": not_above,
    }


def print_tables(run, cells, means):
    """Accuracies, their paired differences, and means over the tables."""
    run.add_table(
        "Accuracy", [{"data": c["data"], "noise": c["row"]} | c["accuracy"] for c in cells]
    )
    run.add_table(
        "Difference of accuracies",
        [
            {"data": c["data"], "noise": c["row"]}
            | {
                f"ours - {rival}": f"{gap['mean']:+.3f} (sd {gap['sd']:.3f})"
                for rival, gap in c["difference"].items()
            }
            for c in cells
        ],
    )
    run.add_table(
        "Mean over tables", [{"noise": row} | accuracy for row, accuracy in means.items()]
    )


def main():
    """Run the protocol and compare the means with the targets."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    names = ["wine", "breast_cancer", "olive"] if run.quick else list(LOADERS)
    cases = [(name, row) for name in names for row in ROWS]
    noisy = [case for case in cases if case[1] in NOISE]
    outcomes = run.draws(accuracies, noisy)
    outcomes |= {case: [accuracies(*case, 0)] for case in cases if case not in noisy}
    cells = [cell(*case, outcomes[case]) for case in cases]
    means = {
        row: {
            reducer: float(np.mean([c["accuracy"][reducer] for c in cells if c["row"] == row]))
            for reducer in cells[0]["accuracy"]
        }
        for row in ROWS
    }
    overall = {name: float(np.mean([means[row][name] for row in ROWS])) for name in means[ROWS[0]]}
    print_tables(run, cells, means | {"all": overall})
    missed = missed_targets(cells, means)
    print_targets(missed)
    run.results = {
        "cells": cells,
        "means": means,
        "mean_of_rows": overall,
        "missed": missed,
    }
    run.save()


if __name__ == "__main__":
    main()
