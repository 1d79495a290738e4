"""Goals of the robust fits, and the cells that miss them."""

import numpy as np

from ._noise_regime_methods import CLEAN, ORACLE, OURS, ROBUST

RIVALS = ("Scaler+PCA", "Scaler+FA", "capped+PCA", "quantiles+PCA")
BOTH = "robust=True"
ROWS, CELLS = 'robust="rows"', 'robust="cells"'
#: regimes -> robust fits, what their error is compared with, largest ratio
SUBSPACE = {
    ("equal",): ((ROWS, CELLS, BOTH), OURS, 1.02),
    ("rows, log-sd .5", "columns and rows, log-sd .5"): ((ROWS, BOTH), ORACLE, 1.15),
    ("rows, log-sd 1", "columns and rows, log-sd 1"): ((ROWS, BOTH), ORACLE, 1.4),
    ("1 % gross rows", "5 % gross rows", "10 % gross rows"): ((ROWS, BOTH), ORACLE, 1.1),
    ("1 % gross cells",): ((CELLS, BOTH), CLEAN, 1.05),
    ("5 % gross cells",): ((CELLS, BOTH), CLEAN, 1.1),
    ("10 % gross cells",): ((CELLS, BOTH), CLEAN, 1.2),
}
#: how a table is spoilt -> robust fits, smallest advantage over the best of RIVALS
ACCURACY = {
    "2 % bad rows": ((ROWS, BOTH), 0.04),
    "noisy rows": ((ROWS, BOTH), 0.015),
    "5 % gross cells": ((CELLS, BOTH), 0.06),
    "10 % swapped cells": ((CELLS, BOTH), 0.01),
}
CLEAN_LOSS, RIGHT, COST, DEFAULT_COST = 0.005, 0.95, 4.0, 2.0


def missed_subspace(cells):
    """Goal -> cells of the spiked models that miss it."""
    missed = {}
    for regimes, (methods, reference, largest) in SUBSPACE.items():
        goal = f"{' and '.join(regimes)}: at most {largest:g} times the error of {reference}"
        missed[goal] = [
            f"{label(cell)}, {method}: {ratio:.2f}"
            for cell in cells
            for method in methods
            if cell["regime"] in regimes
            if (ratio := cell["mean"][method] / cell["mean"][reference]) > largest
        ]
    missed[f"auto right in {RIGHT:.0%} of the draws wherever it is with the noise known"] = [
        f"{label(cell)}, {method}: {share:.0%}"
        for cell in cells
        if cell["right"][ORACLE] >= RIGHT
        for method in suited(cell["regime"])
        if (share := cell["right"][method]) < RIGHT
    ]
    return missed


def suited(regime):
    """Robust fits made for a regime: none for groups of features, which no fit finds by itself."""
    if "shared" in regime:
        return ()
    if "cells" in regime:
        return CELLS, BOTH
    return (ROWS, BOTH) if "row" in regime else (ROWS, CELLS, BOTH)


def missed_accuracy(means):
    """Goal -> robust fits that miss it; `means` has the mean over tables, spoilt -> reducer."""
    missed = {}
    for spoilt, (methods, smallest) in ACCURACY.items():
        best = max(RIVALS, key=means[spoilt].get)
        gains = {name: means[spoilt][name] - means[spoilt][best] for name in methods}
        goal = f"{spoilt}: at least {smallest:g} above the best of {', '.join(RIVALS)}"
        missed[goal] = [
            f"{name}: {gain:+.3f} ({best})" for name, gain in gains.items() if gain < smallest
        ]
    shipped = means["as shipped"]
    missed[f"as shipped: not below {OURS} by more than {CLEAN_LOSS:g}"] = [
        f"{name}: {loss:+.3f}"
        for name in ROBUST
        if (loss := shipped[name] - shipped[OURS]) < -CLEAN_LOSS
    ]
    return missed


def missed_cost(rows):
    """Goal -> sizes at which a robust fit takes longer."""
    return {
        f"at most {COST:g} times the time of {OURS}": [
            f"{row['n']} x {row['d']}, {name}: {row['time'][name]:.1f}"
            for row in rows
            for name in ROBUST
            if row["time"][name] > COST
        ]
    }


def default_decision(cells):
    """Robust fit -> what decides whether it becomes the default, over tables as shipped."""
    shipped = [cell for cell in cells if cell["spoilt"] == "as shipped"]
    decisions = {}
    for name in ROBUST:
        gains = {cell["table"]: cell["accuracy"][name] - cell["accuracy"][OURS] for cell in shipped}
        worst = min(gains, key=gains.get)
        time = float(np.median([cell["seconds"][name] / cell["seconds"][OURS] for cell in shipped]))
        mean = float(np.mean(list(gains.values())))
        decisions[name] = {
            "worst": gains[worst],
            "worst table": worst,
            "tables below by more": sum(gain < -CLEAN_LOSS for gain in gains.values()),
            "mean": mean,
            "time": time,
            "default": gains[worst] >= -CLEAN_LOSS and mean > 0 and time <= DEFAULT_COST,
        }
    return decisions


def label(cell):
    """Size and regime of a cell."""
    return f"{cell['n']} x {cell['d']}, {cell['regime']}"
