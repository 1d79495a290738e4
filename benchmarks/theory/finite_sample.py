"""Coverage and size of the bound that is computed from a sample alone.

Two hundred draws for each cell: how often the bound is no smaller than the error, and how many
times the error it is.
"""

import numpy as np

from sklearn_contrastive.linear import LinearContrastive
from sklearn_contrastive.theory.bounds import finite_sample_bound

from .._common.averages import averaged
from .._common.estimators import closed_form
from .._common.plots import STYLES, panels, shared_legend
from .._common.record import Run
from .._common.spiked import equal_noise, five_noisy, linear_noise, subspace_error
from ._estimators import OURS
from ._spiked_settings import Setting

SIZES = ((40, 2, 5000), (60, 2, 10_000), (100, 3, 5000))
NOISES = {
    "equal noise sd .5": equal_noise(0.5),
    "noise sd from 1 to .5": linear_noise(0.5),
    "five features at noise sd 1.5, rest .5": five_noisy(1.5),
}
CELLS = {
    f"d={d}, r={r}, n={n}, {name}": Setting(n, d, r, noise)
    for d, r, n in SIZES
    for name, noise in NOISES.items()
}
METHODS = {"closed form": closed_form, OURS: LinearContrastive}
CONFIDENCES = (0.5, 0.95)


def one_draw(cell, seed):
    """Errors, bounds and whether they hold, on one draw of a cell."""
    problem = CELLS[cell].draw(seed, list(CELLS).index(cell))
    found = {}
    for name, method in METHODS.items():
        rows = method(CELLS[cell].r).fit(problem.X).components_
        error = subspace_error(rows, problem.subspace)
        found[f"{name}, error"] = error
        for confidence in CONFIDENCES:
            bound = finite_sample_bound(problem.X, rows, confidence=confidence, random_state=seed)
            found[f"{name}, bound {confidence}"] = bound
            found[f"{name}, covered {confidence}"] = float(error <= bound)
    return found


def rows_of(cells, name):
    """Rows of the table of one method."""
    rows = []
    for cell, average in cells.items():
        mean = average["mean"]
        row = {"": cell, "error": mean[f"{name}, error"]}
        for confidence in CONFIDENCES:
            row[f"bound at {confidence}"] = mean[f"{name}, bound {confidence}"]
            row[f"covered at {confidence}"] = mean[f"{name}, covered {confidence}"]
        row["largest possible"] = float(np.sqrt(CELLS[cell].r))
        rows.append(row)
    return rows


def findings(cells):
    """Coverage, and how much larger the bound is than the error."""
    found = {}
    for name in METHODS:
        covered = [average["mean"][f"{name}, covered 0.95"] for average in cells.values()]
        ratios = {
            cell: average["mean"][f"{name}, bound 0.95"] / average["mean"][f"{name}, error"]
            for cell, average in cells.items()
            if average["mean"][f"{name}, bound 0.95"] < 0.99 * np.sqrt(CELLS[cell].r)
        }
        found[f"coverage of the bound of 95 % for {name}"] = (
            f"{min(covered):.1%} in the worst of {len(cells)} cells"
        )
        found[f"bound of 95 % over the error of {name}"] = (
            f"{min(ratios.values()):.1f} to {max(ratios.values()):.1f}; below the largest possible "
            f"error in {len(ratios)} of {len(cells)} cells"
        )
    return found


def draw_figure(results):
    """One row for each cell: errors, bounds of the closed form, and the largest possible error."""
    cells = results["cells"]
    figure, (axes,) = panels(1, 1, width=9, height=4)
    at = -np.arange(len(cells))
    means = [average["mean"] for average in cells.values()]
    for name in METHODS:
        color, marker = STYLES[name]
        axes.plot(
            [mean[f"{name}, error"] for mean in means],
            at,
            linestyle="none",
            color=color,
            marker=marker,
            label=f"error of {name}",
        )
        axes.plot(
            [mean[f"{name}, bound 0.95"] for mean in means],
            at,
            linestyle="none",
            color=color,
            marker=marker,
            markerfacecolor="none",
            markersize=9 if name == OURS else 6,
            label=f"its bound of 95 %, {name}",
        )
    largest = [np.sqrt(CELLS[cell].r) for cell in cells]
    axes.plot(largest, at, "|", color="#000000", markersize=14, label="largest possible error")
    axes.set_yticks(at, list(cells))
    axes.set(xscale="log", xlabel="subspace error, mean of the draws")
    ticks = (0.05, 0.1, 0.2, 0.5, 1, 2)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    shared_legend(figure, [axes], ncols=3)
    return figure


def main():
    """Draw all cells, and write tables, findings and record."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=200, quick_seeds=5)
    drawn = run.draws(one_draw, [(cell,) for cell in CELLS])
    cells = {cell: averaged(drawn[(cell,)]) for cell in CELLS}
    run.results["cells"] = cells
    for name in METHODS:
        run.add_table(f"{name}: error, bound and share of draws covered", rows_of(cells, name))
    run.add_findings("Findings", findings(cells))
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
