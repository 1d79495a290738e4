"""Limits of the contrastive subspace: equal noise, coherence, means, few masks."""

import numpy as np

from sklearn_contrastive.deep import LinearContrastiveEncoder
from sklearn_contrastive.linear import (
    LinearContrastive,
    expected_loss_matrix,
    minimize_linear_contrastive_loss,
)

from .._common.averages import averaged, plus_minus
from .._common.plots import curve, panels, plain_log_y, shared_legend, wrapped
from .._common.record import Run
from .._common.spiked import equal_noise, linear_noise, subspace_error
from . import _reference
from ._agreement import add_agreement, compared
from ._estimators import OURS, UNTRAINED, estimated_components
from ._predictions import first_order_error_of_pca
from ._spiked_settings import AGAINST_NOISE_RATIO, COHERENCE, EQUAL_NOISE, SPIKES, Setting

SWEEPS = {sweep.title: sweep for sweep in (EQUAL_NOISE, AGAINST_NOISE_RATIO, COHERENCE, SPIKES)}
PREDICTED = "predicted for PCA, first order"
# sd of the means of the features, in units of the signal's sd
SHIFTS = (0, 0.5, 1, 3)
SHIFTED = Setting(5000, 40, 5, equal_noise(0.5))
MASKS = (1, 2, 5, 20, 100, 1000)
MASKED = Setting(20_000, 40, 10, linear_noise(0.5))
# passes of the encoder that is trained by gradient steps
EPOCHS = 20
# without methods whose curve lies on another one
FIGURE = ["PCA", "Scaler+PCA", "closed form", OURS, "HeteroPCA", "deflated", "FA"]


def one_draw(title, cell, seed):
    """Method -> subspace error on one draw of a cell."""
    sweep = SWEEPS[title]
    setting = sweep.cells()[cell]
    problem = setting.draw(seed, list(SWEEPS).index(title), list(sweep.cells()).index(cell))
    found = estimated_components(problem.X, setting.r)
    errors = {name: subspace_error(rows, problem.subspace) for name, rows in found.items()}
    if title == EQUAL_NOISE.title:
        errors[PREDICTED] = first_order_error_of_pca(setting, problem.noise[0])
    return errors


def shifted_draw(shift, seed):
    """Minimiser of the expected loss where features have means of sd `shift`, and ours."""
    problem = SHIFTED.draw(seed, 101)
    mean = shift * np.random.default_rng([seed, 102]).standard_normal(SHIFTED.d)
    matrices = {
        "not centred": expected_loss_matrix(problem.X + mean),
        "centred": expected_loss_matrix(problem.X - problem.X.mean(axis=0)),
    }
    found = {
        name: minimize_linear_contrastive_loss(matrix, SHIFTED.n, SHIFTED.r)
        for name, matrix in matrices.items()
    }
    found[OURS] = LinearContrastive(SHIFTED.r).fit(problem.X + mean).components_
    return {name: subspace_error(rows, problem.subspace) for name, rows in found.items()}


def masked_draw(n_masks, seed):
    """Minimiser of the loss averaged over some masks that all samples share.

    The views A X and (I - A) X add up to X, and differ by S X with signs S = 2A - I. So the loss
    matrix of a mask needs no pass over the samples: it is n/2 Cov(X) - S X' X S / 2.
    """
    problem = MASKED.draw(seed, 103)
    X = problem.X - problem.X.mean(axis=0)
    scatter = X.T @ X
    signs = np.random.default_rng([seed, 104, n_masks]).choice([-1.0, 1.0], (n_masks, MASKED.d))
    matrix = MASKED.n / (MASKED.n - 1) * scatter / 2 - scatter * (signs.T @ signs / n_masks) / 2
    rows = minimize_linear_contrastive_loss(matrix, MASKED.n, MASKED.r)
    return {
        "error": subspace_error(rows, problem.subspace),
        "trained": subspace_error(trained_encoder(problem.X, n_masks, seed), problem.subspace),
    }


def trained_encoder(X, n_masks, seed):
    """Components of an encoder trained on some shared masks, or on new ones (None)."""
    encoder = LinearContrastiveEncoder(
        MASKED.r, n_masks=n_masks, max_epochs=EPOCHS, random_state=seed
    )
    return encoder.fit(X).components_


def all_masks_draw(seed):
    """The same with all masks: the closed form."""
    problem = MASKED.draw(seed, 103)
    model = LinearContrastive(MASKED.r, max_iter=0, noise_weighted=False).fit(problem.X)
    return {
        "error": subspace_error(model.components_, problem.subspace),
        "trained": subspace_error(trained_encoder(problem.X, None, seed), problem.subspace),
    }


def ratio_table(run, cells):
    """Errors of the closed form and of ours over that of the best rival."""
    rivals = [name for name in UNTRAINED if name not in ("closed form", OURS)]
    rows = []
    for title, averages in cells.items():
        for label, average in averages.items():
            mean = average["mean"]
            best = min(rivals, key=mean.get)
            rows.append(
                {
                    "": title,
                    "at": label,
                    "best rival": best,
                    "its error": mean[best],
                    "closed form / rival": mean["closed form"] / mean[best],
                    f"{OURS} / rival": mean[OURS] / mean[best],
                    f"{OURS} / closed form": mean[OURS] / mean["closed form"],
                }
            )
    run.results["ratios"] = rows
    run.add_table(
        "Error over the best rival's, and over the closed form's",
        rows,
        "Above 1 over the rival: the rival is more accurate. Below 1 in the last column: "
        "refinement helps.",
    )


def findings(cells, shifted, masked):
    """The limits, each with its numbers."""

    def of(sweep, label, names=("PCA", "closed form", OURS)):
        mean = cells[sweep.title].get(label, {"mean": {}})["mean"]
        return ", ".join(f"{name} {mean[name]:.3f}" for name in names if name in mean)

    most = list(cells[SPIKES.title])[-1]
    return {
        "equal noise: deletion costs, refinement restores": of(AGAINST_NOISE_RATIO, "C=1"),
        "component on one feature: lost, with refinement too": of(COHERENCE, "k=1"),
        "component on two features": of(COHERENCE, "k=2"),
        "component on three features: enough for refinement": of(COHERENCE, "k=3"),
        f"unequal signals ({most}): refinement and deflation help": of(
            SPIKES, most, ("PCA", "closed form", OURS, "HeteroPCA", "deflated")
        ),
        "means of sd 3: loss not centred, loss centred, estimator (which centres)": ", ".join(
            f"{shifted['shift=3']['mean'][name]:.3f}" for name in ("not centred", "centred", OURS)
        ),
        "shared masks: error with 1, 20 and all": ", ".join(
            f"{masked[label]['mean']['error']:.3f}" for label in ("B=1", "B=20", "B=infinity")
        ),
    }


def draw_figure(results):
    """One panel per limit of a record."""
    shifted, masked = results["means"], results["masks"]
    figure, axes = panels(3, 2)
    for panel, (title, sweep) in zip(axes, SWEEPS.items(), strict=False):
        cells = results["sweeps"][title]
        x, averages = [float(label.split("=")[1]) for label in cells], list(cells.values())
        for name in FIGURE:
            curve(panel, x, averages, name)
        curve(panel, x, averages, PREDICTED, linestyle=":")
        panel.set(xscale="log", yscale="log", xlabel=sweep.axis)
        panel.set_title(wrapped(title.split("; ")[1]))
        panel.set_xticks(x, [f"{value:g}" for value in x])
        panel.minorticks_off()
        plain_log_y(panel)
    means, masks = axes[4:]
    for name, colour in (("not centred", "#999999"), ("centred", "#CC79A7")):
        averages = list(shifted.values())
        curve(means, SHIFTS, averages, name, f"loss, {name}", color=colour, marker=".")
    curve(means, SHIFTS, list(shifted.values()), OURS)
    means.set(xlabel="sd of the features' means (signal sd 1)", ylim=(0, None))
    means.set_title("unequal means\nr=5, d=40, n=5000, equal noise of sd .5")
    curve(masks, MASKS, list(masked.values())[:-1], "error", "B shared masks", marker="o")
    curve(
        masks,
        MASKS,
        list(masked.values())[:-1],
        "trained",
        "B masks, trained",
        linestyle=":",
        marker="x",
    )
    limit = masked["B=infinity"]["mean"]["error"]
    masks.axhline(limit, color="#CC79A7", linewidth=1.2, label="closed form")
    masks.set(xscale="log", xlabel="masks B, shared by all samples", ylim=(0, None))
    masks.set_title("few masks\nnoise sd from 1 to .5, r=10, d=40, n=20000")
    for panel in axes[::2]:
        panel.set_ylabel("subspace error (norm of the sines)")
    shared_legend(figure, axes, ncols=3)
    return figure


def main():
    """Run every limit and compare it with an independent measurement."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    records = []
    cases = [(title, label) for title, sweep in SWEEPS.items() for label in sweep.cells(run.quick)]
    drawn = run.draws(one_draw, cases)
    cells = {
        title: {label: averaged(drawn[title, label]) for label in sweep.cells(run.quick)}
        for title, sweep in SWEEPS.items()
    }
    run.results["sweeps"] = cells
    for title, averages in cells.items():
        records += compared(run, title, averages, SWEEPS[title].reference)
        run.add_table(
            f"Subspace error against {title}",
            [
                {"": label} | plus_minus(average, average["mean"])
                for label, average in averages.items()
            ],
        )
    drawn = run.draws(shifted_draw, [(shift,) for shift in SHIFTS])
    shifted = {f"shift={shift:g}": averaged(drawn[shift,]) for shift in SHIFTS}
    drawn = run.draws(masked_draw, [(n_masks,) for n_masks in MASKS])
    masked = {f"B={n_masks}": averaged(drawn[n_masks,]) for n_masks in MASKS}
    masked["B=infinity"] = averaged(run.draws(all_masks_draw, [()])[()])
    for name, title, averages, reference in (
        ("means", "Subspace error where features have unequal means", shifted, "MEAN_SHIFT"),
        ("masks", "Subspace error with B masks that all samples share", masked, "MASKS"),
    ):
        run.results[name] = averages
        records += compared(run, name, averages, getattr(_reference, reference))
        run.add_table(
            title,
            [
                {"": label} | plus_minus(average, average["mean"])
                for label, average in averages.items()
            ],
        )
    ratio_table(run, cells)
    run.add_findings("Findings", findings(cells, shifted, masked))
    add_agreement(run, records)
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
