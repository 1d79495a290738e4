"""Share of draws in which n_components="auto" finds the true number of components.

Signals are clearly detectable: nu^2 lambda_min(U' Psi^-1 U) is 8 or 16 times sqrt(d/n).
"""

import warnings
from itertools import product

import numpy as np

from sklearn_contrastive import LinearContrastive

from .._common.record import Run
from .._common.spiked import haar, spiked_sample

NOISE = {
    "equal": lambda rng, d: np.ones(d),
    "linear 1 to .1": lambda rng, d: np.linspace(1, 0.1, d),
    "log-normal": lambda rng, d: np.exp(rng.standard_normal(d)),
}
STRENGTHS = (8, 16)
SAMPLES, FEATURES, N_COMPONENTS = (200, 500, 2000, 5000), (40, 100, 300), (3, 5, 10)
EXACT_TARGET, CLOSE_TARGET = 0.97, 0.995


def n_components_found(n, d, r, noise, strength, seed):
    """Number of components that "auto" finds in one draw."""
    rng = np.random.default_rng([seed, n, d, r, list(NOISE).index(noise), strength])
    sds = NOISE[noise](rng, d)
    U = haar(rng, d, r)
    weakest = np.linalg.eigvalsh((U.T / sds**2) @ U)[0]
    signal = np.sqrt(strength * np.sqrt(d / n) / weakest)
    X = spiked_sample(rng, n, U, signal, sds)
    with warnings.catch_warnings(action="ignore"):
        return LinearContrastive("auto").fit(X).n_components_


def shares(cells):
    """Share of draws exactly right and share at most one off, over some cells."""
    off = np.abs([found - cell["r"] for cell in cells for found in cell["found"]])
    return {
        "draws": len(off),
        "exact": float(np.mean(off == 0)),
        "off by at most 1": float(np.mean(off <= 1)),
    }


def main():
    """Run all cells; print the shares per noise and strength, and the worst cells."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    samples, features = (SAMPLES[:2], FEATURES[:2]) if run.quick else (SAMPLES, FEATURES)
    cells = [
        {"n": n, "d": d, "r": r, "noise": noise, "strength": strength}
        for n, d, r, noise, strength in product(samples, features, N_COMPONENTS, NOISE, STRENGTHS)
        if r <= d / 4
    ]
    for cell in cells:
        cell["found"] = [n_components_found(**cell, seed=seed) for seed in run.seeds]
    groups = [
        {"noise": noise, "strength": strength}
        | shares([c for c in cells if (c["noise"], c["strength"]) == (noise, strength)])
        for noise, strength in product(NOISE, STRENGTHS)
    ]
    overall = {"noise": "all", "strength": "all"} | shares(cells)
    met = overall["exact"] >= EXACT_TARGET and overall["off by at most 1"] >= CLOSE_TARGET
    run.add_table(
        "Share of draws with the true number of components",
        [*groups, overall],
        f"exact >= {EXACT_TARGET}, off by at most one >= {CLOSE_TARGET}: {met}",
    )
    worst = sorted(cells, key=lambda cell: (shares([cell])["exact"], cell["n"], cell["d"]))
    run.add_table("Worst cells", [{**cell, "found": str(cell["found"])} for cell in worst[:8]])
    run.results = {"groups": groups, "overall": overall, "cells": cells}
    run.save()


if __name__ == "__main__":
    main()
