"""Components found in independent columns with rare or extreme values, and in real tables.

Independent columns have no components: everything found is false. Real tables are counted as they
are, and with each column permuted, which makes columns independent.
"""

import warnings

import numpy as np

from sklearn_contrastive import LinearContrastive

from .._common.real_tables import LOADERS, load
from .._common.record import Run
from ._n_components_rivals import RIVALS

SHAPES = ((200, 50), (500, 100), (1000, 40), (300, 300), (100, 1000))
TARGET = 0.1
N_PERMUTATIONS = 5
COLUMNS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "binary, p = .01": lambda rng, shape: (rng.uniform(size=shape) < 0.01).astype(float),
    "Poisson, mean .02": lambda rng, shape: rng.poisson(0.02, shape).astype(float),
    "95 % zeros": lambda rng, shape: (rng.uniform(size=shape) < 0.05) * rng.standard_normal(shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "t, 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape),
    "log-normal": lambda rng, shape: np.exp(rng.standard_normal(shape)),
}
METHODS = ["LinearContrastive", *RIVALS]


def counts_of(X, rng):
    """Number of components that each method finds; None where it does not run."""
    with warnings.catch_warnings(action="ignore"):
        ours = LinearContrastive(max_iter=0, random_state=0).fit(X).n_components_
        return {"LinearContrastive": ours} | {name: rule(X, rng) for name, rule in RIVALS.items()}


def independent_columns(kind, shape, seed):
    """Numbers found in one draw of independent columns."""
    rng = np.random.default_rng([seed, list(COLUMNS).index(kind), *shape])
    return counts_of(COLUMNS[kind](rng, shape), rng)


def real_table(name, n_permutations):
    """Numbers found in a table as it is, then in each of its permutations."""
    rng = np.random.default_rng(0)
    X = load(name)[0].astype(float)
    permuted = [rng.permuted(X, axis=0) for _ in range(n_permutations)]
    return [counts_of(table, rng) for table in [X, *permuted]]


def share_false(draws, method):
    """Share of draws in which a method finds anything, None where it does not run."""
    found = [draw[method] for draw in draws if draw[method] is not None]
    return float(np.mean(np.array(found) > 0)) if found else None


def main():
    """Run all cells; print shares of false positives and numbers found."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10, quick_seeds=3)
    shapes = SHAPES[:2] if run.quick else SHAPES
    cases = [(kind, shape) for kind in COLUMNS for shape in shapes]
    drawn = run.draws(independent_columns, cases)
    cells = [
        {"columns": kind, "n": shape[0], "d": shape[1]}
        | {method: share_false(drawn[kind, shape], method) for method in METHODS}
        for kind, shape in cases
    ]
    tables = {name: real_table(name, 2 if run.quick else N_PERMUTATIONS) for name in LOADERS}
    rows = [
        {"table": name}
        | {method: tables[name][0][method] for method in METHODS}
        | {f"{method}, permuted": share_false(tables[name][1:], method) for method in METHODS}
        for name in LOADERS
    ]
    ours = [cell["LinearContrastive"] for cell in cells]
    ours += [row["LinearContrastive, permuted"] for row in rows]
    run.add_table("Share of draws with a false component", cells, f"target: at most {TARGET}")
    run.add_table("Components in real tables, and false ones in permuted columns", rows)
    run.results = {"cells": cells, "tables": rows, "target": TARGET, "worst": max(ours)}
    run.save()


if __name__ == "__main__":
    main()
