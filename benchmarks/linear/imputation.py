"""Error of imputed entries on real tables: impute of LinearContrastive against imputers.

The 60 columns of largest variance of each table; entries are hidden completely at random. Error:
root mean square over the hidden entries, as a share of the feature's standard deviation. KNNImputer
and IterativeImputer (BayesianRidge, the default) get standardised columns, and are scaled back.
Where a table has more than 30 features, IterativeImputer regresses on the 20 nearest ones. "many"
is half of the features, at most a tenth of the rows and 30 components: chosen on the six tables,
and reported on the final tables of `r_tables.py`, at most 300 rows each.
"""

import time
import warnings
from itertools import product

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.averages import averaged, plus_minus
from .._common.r_tables import FINAL
from .._common.r_tables import load as load_r_table
from .._common.real_tables import LOADERS, load
from .._common.record import Run

SHARES = (0.05, 0.2, 0.4)
# columns of largest variance of each table: IterativeImputer is slow with more
MAX_COLUMNS = 60
# features beyond which IterativeImputer regresses on the nearest ones only, and how many; also the
# largest number of components
MANY_FEATURES, NEAREST = 30, 20
RIVALS = ("mean", "KNN", "iterative")
# "many": half of the features, at most a tenth of the rows and 30
OURS = ("auto", "many")
TABLES = [*LOADERS, *FINAL]


def iterative(n_features):
    """IterativeImputer with its defaults, on a few features at a time where there are many."""
    nearest = NEAREST if n_features > MANY_FEATURES else None
    return IterativeImputer(n_nearest_features=nearest, random_state=0)


def fills(X):
    """Name -> function that returns X with its missing entries filled in."""
    d = X.shape[1]
    scaler = StandardScaler().fit(X)
    rivals = {"mean": SimpleImputer(), "KNN": KNNImputer(), "iterative": iterative(d)}
    models = {
        "auto": LinearContrastive(random_state=0),
        "many": LinearContrastive(min(d // 2, len(X) // 10, MANY_FEATURES), random_state=0),
    }
    return {
        name: lambda m=imputer: scaler.inverse_transform(
            make_pipeline(StandardScaler(), m).fit_transform(X)
        )
        for name, imputer in rivals.items()
    } | {name: lambda m=model: m.fit(X).impute(X) for name, model in models.items()}


def one_draw(name, share, seed):
    """Errors and seconds of every way to fill one table."""
    X, _ = load_r_table(name) if name in FINAL else load(name)
    X = X[:, np.sort(np.argsort(X.std(axis=0))[::-1][:MAX_COLUMNS])]
    rng = np.random.default_rng([seed, TABLES.index(name), SHARES.index(share)])
    hidden = rng.random(X.shape) < share
    incomplete = np.where(hidden, np.nan, X)
    varying = np.nanstd(incomplete, axis=0) > 0
    X, hidden, incomplete = X[:, varying], hidden[:, varying], incomplete[:, varying]
    outcome, sds = {}, X.std(axis=0)
    for method, fill in fills(incomplete).items():
        start = time.process_time()
        with warnings.catch_warnings(action="ignore"):
            filled = fill()
        outcome[f"{method}, seconds"] = time.process_time() - start
        outcome[method] = float(np.sqrt(np.mean(((filled - X) / sds)[hidden] ** 2)))
    return outcome


def summary(cells):
    """Mean error over the tables for each share of hidden entries, and over all."""
    rows = []
    for share in (*SHARES, "all"):
        chosen = [cell for cell in cells if share in (cell["hidden"], "all")]
        means = {n: float(np.mean([c["mean"][n] for c in chosen])) for n in (*RIVALS, *OURS)}
        rows.append({"hidden": share} | means)
    return rows


def main():
    """Hide entries of all tables, fill them in, and list where a rival is better."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=3)
    tables = [*list(LOADERS)[:2], *list(FINAL)[:1]] if run.quick else TABLES
    outcomes = run.draws(one_draw, list(product(tables, SHARES)))
    cells = []
    for (name, share), draws in outcomes.items():
        average = averaged(draws)
        best = min(RIVALS, key=average["mean"].get)
        over = average["mean"]["auto"] / average["mean"][best]
        cells.append({"data": name, "hidden": share, **average, "best rival": best, "ratio": over})
    run.add_table(
        "Error of hidden entries",
        [
            {"data": cell["data"], "hidden": f"{cell['hidden']:.0%}"}
            | plus_minus(cell, [*RIVALS, *OURS])
            | {"best rival": cell["best rival"], "auto / best rival": cell["ratio"]}
            | {f"{n}, s": cell["mean"][f"{n}, seconds"] for n in ("KNN", "iterative", "auto")}
            for cell in cells
        ],
    )
    means = summary([cell for cell in cells if cell["data"] in LOADERS])
    run.add_table("Mean over the six tables", means)
    final = [cell for cell in cells if cell["data"] in FINAL]
    final_means = summary(final)
    run.add_table(f"Mean over {len(final) // len(SHARES)} final tables", final_means)
    lost = [f"{c['data']}, {c['hidden']:.0%}: {c['ratio']:.2f}" for c in cells if c["ratio"] > 1]
    print("a rival is better than auto at:", "; ".join(lost) or "none")
    run.results = {"cells": cells, "means": means, "final means": final_means, "lost": lost}
    run.save()


if __name__ == "__main__":
    main()
