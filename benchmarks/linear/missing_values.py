"""Subspace error, imputation and number of components where values are missing.

Spiked models with Haar subspaces and noise sds uniform in [.3, 1]; "strong" signals give loadings
of order 1. Entries are missing completely at random, or at random: their probability grows with the
first feature, which is never missing. Rivals standardise the columns, impute, and have their
loadings scaled back. All methods are given the true number of components. Imputation: root mean
square, over the hidden entries, of the error as a share of the feature's standard deviation.
"""

import warnings
from itertools import product

import numpy as np
from scipy.stats import rankdata
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive

from .._common.averages import averaged, plus_minus
from .._common.classification import number_of_components, standardised
from .._common.real_tables import load
from .._common.record import Run
from .._common.spiked import haar, spiked_sample, subspace_error
from .._common.tables import print_targets

SHAPES = ((500, 40, 4), (500, 20, 3), (2000, 50, 5))
SIGNALS = {"weak": lambda d: 1.0, "moderate": lambda d: 3.0, "strong": np.sqrt}
TABLES = ("wine", "breast_cancer", "digits", "olive")
MAX_ROWS = 500

ALLOWED_RATIO, ALLOWED_AT = 1.5, 0.3

OURS = "LinearContrastive"
IMPUTERS = {
    "mean": SimpleImputer,
    "KNN": KNNImputer,
    "iterative": lambda: IterativeImputer(n_nearest_features=20, max_iter=10, random_state=0),
}
REDUCERS = {"PCA": PCA, "FA": lambda r: FactorAnalysis(r, random_state=0)}
IMPUTED = [f"{imputer}+{reducer}" for imputer, reducer in product(IMPUTERS, REDUCERS)]
METHODS = [OURS, "pairs only", "HeteroPCA", *IMPUTED]


def completely_at_random(rng, X, share):
    """Which entries to hide: each one with the same probability."""
    return rng.random(X.shape) < share


def at_random(rng, X, share):
    """Which entries to hide: from none to twice the share, as the first feature grows."""
    probability = 2 * share * rankdata(X[:, 0]) / (len(X) + 1)
    hidden = rng.random(X.shape) < probability[:, None]
    hidden[:, 0] = False
    return hidden


MECHANISMS = {
    "10 %": (completely_at_random, 0.1),
    "30 %": (completely_at_random, 0.3),
    "60 %": (completely_at_random, 0.6),
    "30 %, by a feature": (at_random, 0.3),
}
IMPUTATION_AT = ("10 %", "30 %")


def imputed(X):
    """Name -> the standardised columns of X with their missing entries filled in; the scaler."""
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    return {name: imputer().fit_transform(Z) for name, imputer in IMPUTERS.items()}, scaler


def reconstructed(model, X):
    """Reconstructed rows, the mean for rows with too few observed entries, and their share."""
    restored = model.inverse_transform(model.transform(X))
    return np.where(np.isnan(restored), model.mean_, restored), np.isnan(restored[:, 0]).mean()


def imputation_errors(X, incomplete, filled, models):
    """Imputer or model -> root mean square of its relative errors on the hidden entries.

    And "<model>, no scores" -> share of the rows that had none.
    """
    sds = X.std(axis=0)
    hidden = np.isnan(incomplete) & (sds > 0)
    outcome, guesses = {}, dict(filled)
    for name, model in models.items():
        guesses[name], outcome[f"{name}, no scores"] = reconstructed(model, incomplete)
    for name, guess in guesses.items():
        relative = (guess - X) / np.where(sds > 0, sds, 1)
        outcome[name] = float(np.sqrt(np.mean(relative[hidden] ** 2)))
    return outcome


def one_draw(shape, strength, mechanism, seed):
    """Subspace errors, imputation errors and numbers of components of "auto", in one draw."""
    (n, d, r), (hide, share) = shape, MECHANISMS[mechanism]
    rng = np.random.default_rng([seed, n, d, list(SIGNALS).index(strength)])
    U = haar(rng, d, r)
    X = spiked_sample(rng, n, U, SIGNALS[strength](d), rng.uniform(0.3, 1, d))
    incomplete = np.where(hide(rng, X, share), np.nan, X)
    with warnings.catch_warnings(action="ignore"):  # rivals stop early; empty rows
        complete, ours = LinearContrastive(r).fit(X), LinearContrastive(r).fit(incomplete)
        auto = LinearContrastive("auto").fit(incomplete)
        components = {
            "complete": complete.components_,
            OURS: ours.components_,
            "pairs only": LinearContrastive(r).partial_fit(incomplete).components_,
            "HeteroPCA": HeteroPCA(r).fit(incomplete).components_,
        }
        filled, scaler = imputed(incomplete)
        for (imputer, Z), (reducer, make) in product(filled.items(), REDUCERS.items()):
            components[f"{imputer}+{reducer}"] = make(r).fit(Z).components_ * scaler.scale_
        filled = {name: scaler.inverse_transform(Z) for name, Z in filled.items()}
        models = {"true number": ours, "auto": auto}
        imputation = imputation_errors(X, incomplete, filled, models)
        found = LinearContrastive("auto").fit(X).n_components_, auto.n_components_
    errors = {name: subspace_error(rows, U) for name, rows in components.items()}
    return {"errors": errors, "imputation": imputation, "found": found}


def imputation_of_table(name, mechanism, seed):
    """Imputation errors on one real table, standardised, a few rows of it."""
    hide, share = MECHANISMS[mechanism]
    rng = np.random.default_rng([seed, TABLES.index(name), list(MECHANISMS).index(mechanism)])
    X, y = load(name)
    k = number_of_components(X, y)
    X = standardised(X[rng.permutation(len(X))[:MAX_ROWS]])
    incomplete = np.where(hide(rng, X, share), np.nan, X)
    with warnings.catch_warnings(action="ignore"):
        filled, scaler = imputed(incomplete)
        filled = {name: scaler.inverse_transform(Z) for name, Z in filled.items()}
        models = {
            "fixed number": LinearContrastive(k).fit(incomplete),
            "auto": LinearContrastive("auto").fit(incomplete),
        }
        errors = imputation_errors(X, incomplete, filled, models)
    return errors, models["auto"].n_components_


def subspace_cell(shape, strength, mechanism, draws):
    """Errors of one cell, ratios to complete data, and whether the targets are met."""
    average = averaged([draw["errors"] for draw in draws])
    means = average["mean"]
    best = min(IMPUTED, key=means.get)
    ratio = means[OURS] / means["complete"]
    counts = MECHANISMS[mechanism][1] == ALLOWED_AT
    return {
        **dict(zip("ndr", shape, strict=True)),
        "signal": strength,
        "missing": mechanism,
        **average,
        "ratio_to_complete": {name: means[name] / means["complete"] for name in METHODS},
        "best_imputed": best,
        "ratio_met": ratio <= ALLOWED_RATIO if counts else None,
        "below_imputed": means[OURS] < means[best],
    }


def imputation_cell(where, draws, fixed):
    """Imputation errors of one cell, and by how much ours is above the best imputer."""
    average = averaged(draws)
    means = average["mean"]
    best = min(IMPUTERS, key=means.get)
    over = {name: means[name] / means[best] for name in (fixed, "auto")}
    return where | average | {"best_imputer": best, "over_best": over}


def n_components_shares(outcomes):
    """Share of draws in which "auto" was right, complete and incomplete, per signal and share."""
    rows = []
    for strength, mechanism in product(SIGNALS, ("30 %", "60 %")):
        found = [
            np.subtract(draw["found"], shape[2])
            for (shape, *case), draws in outcomes.items()
            if case == [strength, mechanism]
            for draw in draws
        ]
        complete, incomplete = np.transpose(found)
        rows.append(
            {
                "signal": strength,
                "missing": mechanism,
                "draws": len(found),
                "exact, complete": float(np.mean(complete == 0)),
                "exact": float(np.mean(incomplete == 0)),
                "off by at most 1": float(np.mean(np.abs(incomplete) <= 1)),
                "too few": float(np.mean(incomplete < 0)),
                "too many": float(np.mean(incomplete > 0)),
            }
        )
    return rows


def label(cell):
    """Size and signal, as the first cell of a line."""
    return f"{cell['n']} x {cell['d']}, r={cell['r']}, {cell['signal']}"


def print_subspace(run, cells):
    """Subspace errors, and whether the targets are met."""
    verdict = {None: "", True: "met", False: "MISSED"}
    run.add_table(
        "Subspace error",
        [
            {"data": label(cell), "missing": cell["missing"]}
            | plus_minus(cell, ["complete", *METHODS])
            | {"/complete": cell["ratio_to_complete"][OURS]}
            | {"best imputed/complete": cell["ratio_to_complete"][cell["best_imputed"]]}
            | {f"<= {ALLOWED_RATIO}": verdict[cell["ratio_met"]]}
            | {"below imputed": verdict[cell["below_imputed"]]}
            for cell in cells
        ],
    )


def print_imputation(run, title, cells, fixed):
    """Errors of imputed entries."""
    run.add_table(
        title,
        [
            {"data": cell.get("data") or label(cell), "missing": cell["missing"]}
            | plus_minus(cell, [*IMPUTERS, fixed, "auto"])
            | {f"{name}/best": over for name, over in cell["over_best"].items()}
            | {
                column: f"{cell['mean'][column]:.1%}"
                for column in (f"{fixed}, no scores", "auto, no scores")
            }
            | {"best imputer": cell["best_imputer"]}
            for cell in cells
        ],
    )


def missed_targets(cells):
    """Target -> cells that miss it."""
    return {
        f"at most {ALLOWED_RATIO} times the error on complete data, at 30 %": [
            f"{label(cell)}, {cell['missing']}: {cell['ratio_to_complete'][OURS]:.2f}"
            for cell in cells
            if cell["ratio_met"] is False
        ],
        "subspace error below every imputed rival": [
            f"{label(cell)}, {cell['missing']}: {cell['mean'][OURS]:.4f}, "
            f"{cell['best_imputed']} {cell['mean'][cell['best_imputed']]:.4f}"
            for cell in cells
            if not cell["below_imputed"]
        ],
    }


def worse_imputation(cells):
    """Cells in which an imputer is better than ours, with the ratios."""
    return [
        f"{cell.get('data') or label(cell)}, {cell['missing']}: "
        f"{' and '.join(f'{over:.3f}' for over in cell['over_best'].values())} "
        f"times {cell['best_imputer']}"
        for cell in cells
        if max(cell["over_best"].values()) > 1
    ]


def main():
    """Run spiked models and real tables."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=8)
    shapes, tables = (SHAPES[:2], TABLES[:1]) if run.quick else (SHAPES, TABLES)
    outcomes = run.draws(one_draw, list(product(shapes, SIGNALS, MECHANISMS)))
    outcomes_real = run.draws(imputation_of_table, list(product(tables, IMPUTATION_AT)))
    cells = [subspace_cell(*case, draws) for case, draws in outcomes.items()]
    imputation = [
        imputation_cell(
            {name: cell[name] for name in ("n", "d", "r", "signal", "missing")},
            [draw["imputation"] for draw in draws],
            "true number",
        )
        for draws, cell in zip(outcomes.values(), cells, strict=True)
        if cell["missing"] in IMPUTATION_AT
    ]
    imputation_real = [
        imputation_cell(
            {"data": name, "missing": mechanism, "auto_found": [found for _, found in draws]},
            [errors for errors, _ in draws],
            "fixed number",
        )
        for (name, mechanism), draws in outcomes_real.items()
    ]
    run.results = {
        "subspace": cells,
        "imputation": imputation,
        "imputation of tables": imputation_real,
        "n_components": n_components_shares(outcomes),
        "missed": missed_targets(cells),
        "imputation missed": worse_imputation(imputation + imputation_real),
    }
    print_subspace(run, cells)
    print_imputation(run, "Imputation, spiked models", imputation, "true number")
    print_imputation(run, "Imputation, real tables", imputation_real, "fixed number")
    run.add_table("Number of components", run.results["n_components"])
    print_targets(run.results["missed"])
    print("an imputer is better than ours (given number and auto) at:", end=" ")
    print("; ".join(run.results["imputation missed"]) or "none")
    run.save()


if __name__ == "__main__":
    main()
