"""Subspace error against the number of features, samples and components, and against noise."""

import numpy as np

from sklearn_contrastive.theory import SpikedCovarianceModel

from .._common.averages import averaged, plus_minus
from .._common.plots import curve, panels, plain_log_y, shared_legend, wrapped
from .._common.record import Run
from .._common.spiked import haar, subspace_error
from . import _reference
from ._agreement import add_agreement, compared
from ._estimators import OURS, STEPS, TRAINED, UNTRAINED, estimated_components
from ._predictions import (
    BIAS,
    BOUNDS,
    CERTIFICATE,
    PCA_BOUND,
    SAMPLING,
    bounds_of,
    fitted_constants,
    population_bias,
    sampling_part,
    slope,
    slope_with_error,
    terms,
)
from ._spiked_settings import (
    AGAINST_COMPONENTS,
    AGAINST_FEATURES,
    AGAINST_NOISE_RATIO,
    AGAINST_NOISY_FEATURES,
    AGAINST_SAMPLES,
    BOTH_TERMS,
    FIVE_NOISY_AGAINST_FEATURES,
    UNIFORM_NOISE,
)

SWEEPS = {
    sweep.title: sweep
    for sweep in (
        AGAINST_FEATURES,
        AGAINST_SAMPLES,
        AGAINST_COMPONENTS,
        AGAINST_NOISE_RATIO,
        AGAINST_NOISY_FEATURES,
        FIVE_NOISY_AGAINST_FEATURES,
        UNIFORM_NOISE,
        BOTH_TERMS,
    )
}
# networks are trained where PCA fails gradually, and where it keeps its worst error as d grows
TRAINED_IN = (AGAINST_NOISY_FEATURES.title, BOTH_TERMS.title)
# features and components for the error with infinitely many samples
INFINITE = ((10, 2), (20, 5), (40, 5), (40, 10), (100, 5), (100, 10), (400, 10), (1000, 10))
# sweeps with one noise, to which the constants of the two terms are fitted
FITTED = (AGAINST_FEATURES, AGAINST_SAMPLES, AGAINST_COMPONENTS)
# Scaler+FA has the curve of LinearContrastive, deflated that of HeteroPCA
FIGURE = [name for name in UNTRAINED if name not in ("deflated", "Scaler+FA")]
SLOPES = ["PCA", "closed form", SAMPLING, BIAS, OURS]


def one_draw(title, cell, seed):
    """Method -> subspace error on one draw of a cell; bound -> its value."""
    sweep = SWEEPS[title]
    setting = sweep.cells()[cell]
    problem = setting.draw(seed, list(SWEEPS).index(title), list(sweep.cells()).index(cell))
    methods = UNTRAINED + (TRAINED if title in TRAINED_IN else [])
    found = estimated_components(problem.X, setting.r, methods)
    errors = {name: subspace_error(rows, problem.subspace) for name, rows in found.items()}
    for name in TRAINED if title in TRAINED_IN else ():
        errors[f"{name} to PCA"] = subspace_error(found[name], np.linalg.qr(found["PCA"].T)[0])
    errors |= bounds_of(problem, setting)
    return errors | {SAMPLING: sampling_part(errors)}


def bias_of_one_draw(d, r, seed):
    """Error of the closed form on the true covariance, and its two bounds."""
    U = haar(np.random.default_rng([seed, d, r]), d, r)
    return population_bias(SpikedCovarianceModel(U.T))


def bias_table(run):
    """Error with infinitely many samples against d and r, within its bounds."""
    cases = INFINITE[:6] if run.quick else INFINITE
    drawn = run.draws(bias_of_one_draw, cases)
    cells = {f"d={d} r={r}": averaged(drawn[d, r]) for d, r in cases}
    run.results["infinitely many samples"] = cells
    run.add_table(
        "Error of the closed form with infinitely many samples",
        [
            {"": cell}
            | plus_minus(average, average["mean"])
            | {"r^1.5 log d / d": float(r**1.5 * np.log(d) / d)}
            for (d, r), (cell, average) in zip(cases, cells.items(), strict=True)
        ],
        "Haar subspaces, signals of equal strength, any noise. Bound: square root of the sum of "
        "the sixth powers of the rows' norms; incoherence bound: sqrt(r) times the largest squared "
        "norm.",
    )
    broken = sum(
        draw["closed form"] > min(draw["bound"], draw["incoherence bound"])
        for draws in drawn.values()
        for draw in draws
    )
    run.add_findings(
        "Bounds of the bias",
        {"biases above a bound": f"{broken} of {sum(map(len, drawn.values()))}"},
    )
    return compared(run, "infinitely many samples", cells, _reference.POPULATION)


def slope_row(run, title, drawn):
    """Log-log slopes along one sweep, with standard errors over draws, and those of the terms."""
    sweep = SWEEPS[title]
    cells = sweep.cells(run.quick)
    x = [float(label.split("=")[1]) for label in cells]
    fitted = {
        name: slope_with_error(
            x, np.array([[draw[name] for draw in drawn[title, label]] for label in cells])
        )
        for name in SLOPES
    }
    average = {
        statistic: {name: values[i] for name, values in fitted.items()}
        for i, statistic in enumerate(("mean", "standard_error"))
    }
    first, second = np.transpose([terms(setting) for setting in cells.values()])
    return {"first term": slope(x, first), "second term": slope(x, second), **average}


def slope_table(run, drawn):
    """Slopes along the sweeps over d, n and r."""
    sweeps = (*FITTED, BOTH_TERMS)
    rows = {sweep.title: slope_row(run, sweep.title, drawn) for sweep in sweeps}
    run.results["slopes"] = rows
    run.add_table(
        "Log-log slopes",
        [
            {"against": title}
            | plus_minus(row, SLOPES)
            | {"r^1.5 log d / d": row["first term"], "sqrt(dr/n)": row["second term"]}
            for title, row in rows.items()
        ],
        "The last two columns are the slopes of the two terms of the guarantee over the same "
        f"settings. {SAMPLING}: root of the difference of squares.",
    )


def constants_table(run, cells):
    """Fit of one pair of constants to the closed form's error over three sweeps."""
    points = [
        (setting, cells[sweep.title][label]["mean"]["closed form"])
        for sweep in FITTED
        for label, setting in sweep.cells(run.quick).items()
    ]
    (first, second), residuals = fitted_constants(*zip(*points, strict=True))
    fit = {
        "a": first,
        "b": second,
        "settings": len(points),
        "root mean square of relative residuals": float(np.sqrt(np.mean(residuals**2))),
        "largest relative residual": float(np.abs(residuals).max()),
    }
    run.results["fitted constants"] = fit
    run.add_table(
        "a r^1.5 log d / d + b sqrt(dr/n), fitted to the closed form's error",
        [fit],
        "Over the first three sweeps, which have one noise. The terms are those of the guarantee. "
        "The constants hold for this noise and for random subspaces; the guarantee has others.",
    )


def certificate_row(drawn):
    """Draws in which the certificate applies and holds, and the error relative to it."""
    given = [draw for draws in drawn.values() for draw in draws if CERTIFICATE in draw]
    ratios = [draw["closed form"] / draw[CERTIFICATE] for draw in given]
    return (
        f"above the bound in {sum(ratio > 1 for ratio in ratios)} of {len(given)} draws where it "
        f"applies (of {sum(map(len, drawn.values()))}), error / bound on average "
        f"{np.mean(ratios):.2f}"
    )


def findings(cells, drawn):
    """The claims of the theory, with their numbers."""
    grown = cells[BOTH_TERMS.title]
    first, *_, last = grown
    found = {"error of the closed form against its bound": certificate_row(drawn)}
    for name in ("PCA", "closed form", OURS):
        start, end = (grown[label]["mean"][name] for label in (first, last))
        found[f"error of {name} from {first} to {last}, n = 2d² (at most 2.24)"] = (
            f"{start:.2f} to {end:.2f}"
        )
    equal = cells[AGAINST_NOISE_RATIO.title]["C=1"]["mean"]
    found["equal noise (C=1)"] = ", ".join(
        f"{name} {equal[name]:.3f}" for name in ("PCA", "closed form", OURS)
    )
    return found


def training_table(run, cells):
    """Trained networks beside PCA, whose subspace is their optimum."""
    names = ["PCA", *TRAINED, *(f"{name} to PCA" for name in TRAINED)]
    run.add_table(
        "Networks trained by gradient steps",
        [
            {"": title, "at": label} | plus_minus(average, names)
            for title in TRAINED_IN
            for label, average in cells[title].items()
        ],
        f'{STEPS} steps of 256 samples. Error of each subspace; "to PCA" is its distance from the '
        "subspace of PCA.",
    )


def draw_figure(results):
    """One panel per sweep of a record."""
    figure, axes = panels(4, 2)
    for panel, (title, sweep) in zip(axes, SWEEPS.items(), strict=True):
        cells = results["sweeps"][title]
        x, averages = [float(label.split("=")[1]) for label in cells], list(cells.values())
        for name in FIGURE:
            curve(panel, x, averages, name)
        for name in TRAINED:
            curve(panel, x, averages, name, f"{name}, trained", linestyle="none", markersize=8)
        for name, line in zip(BOUNDS, (":", "--", "-.", "--"), strict=True):
            colour = "#999999" if name == PCA_BOUND else "#CC79A7"
            curve(panel, x, averages, name, color=colour, linestyle=line, linewidth=0.9)
        panel.set(
            xscale="log",
            yscale="log",
            xlabel=sweep.axis,
            title=wrapped(title.split("; ")[1]),
        )
        panel.set_xticks(x, [f"{value:g}" for value in x])
        panel.minorticks_off()
        plain_log_y(panel)
    for panel in axes[::2]:
        panel.set_ylabel("subspace error (norm of the sines)")
    shared_legend(figure, axes, ncols=3)
    return figure


def main():
    """Run the sweeps; compare them with the bounds and with an independent measurement."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    records = bias_table(run)
    cases = [(title, label) for title, sweep in SWEEPS.items() for label in sweep.cells(run.quick)]
    drawn = run.draws(one_draw, cases)
    cells = {
        title: {label: averaged(drawn[title, label]) for label in sweep.cells(run.quick)}
        for title, sweep in SWEEPS.items()
    }
    run.results["sweeps"] = cells
    for title, averages in cells.items():
        records += compared(run, title, averages, SWEEPS[title].reference)
        names = list(dict.fromkeys(name for each in averages.values() for name in each["mean"]))
        names = [name for name in names if not name.endswith("to PCA")]
        run.add_table(
            f"Subspace error against {title}",
            [
                {"": label} | plus_minus(average, [n for n in names if n in average["mean"]])
                for label, average in averages.items()
            ],
        )
    slope_table(run, drawn)
    constants_table(run, cells)
    training_table(run, cells)
    run.add_findings("Findings", findings(cells, drawn))
    add_agreement(run, records)
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
