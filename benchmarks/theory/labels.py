"""Subspace error and risk with labels, against their number, their weight and the classes.

The losses' matrices Delta(Cov)/4 + alpha M_sup are written out here: the covariance of samples
without labels, the supervised matrix of samples with labels. Estimators are fitted to both.
"""

import numpy as np

from .._common.averages import averaged, plus_minus, with_prefix
from .._common.plots import curve, panels, plain_log_y, shared_legend, wrapped
from .._common.record import Run
from . import _reference
from ._agreement import add_agreement, compared
from ._label_draws import (
    ALL,
    ALPHAS,
    CLASSES,
    IN_DOMAIN,
    KIND_SIZES,
    KINDS,
    QUANTILES,
    TASKS,
    TRANSFER,
    R,
    few_classes_draw,
    in_domain_draw,
    kind_draw,
    one_direction_draw,
    regression_draw,
    transfer_draw,
)

ALLOWED = 1.02
PARTS = ("mean", "standard_error")
FEWER = "K classes that span K-1 directions, 600 labels"
REGRESSION = "real labels of T tasks, 600 labels"


def run_cells(run, function, cases, label):
    """Averages of a function over draws: label of a case -> average."""
    drawn = run.draws(function, cases)
    return {label(*case): averaged(drawn[case]) for case in cases}


def add_tables(run, title, cells, note=""):
    """One table of the written-out losses, one of the estimators where there are any."""
    run.results[title] = cells
    first = next(iter(cells.values()))["mean"]
    names = ["PCA", *ALPHAS]
    run.add_table(
        f"Subspace error, {title}",
        [{"": label} | plus_minus(average, names) for label, average in cells.items()],
        note,
    )
    estimators = [name for name in first if name.startswith(ALL)]
    if estimators:
        run.add_table(
            f"Subspace error, {title}: estimators, fitted to all samples",
            [
                {"": label}
                | {
                    name.removeprefix(ALL): cell
                    for name, cell in plus_minus(average, estimators).items()
                }
                for label, average in cells.items()
            ],
        )


def auto_table(run, cells):
    """Error of alpha="auto" over that of the fit without labels, of every kind and number."""
    rows = []
    for title, averages in cells.items():
        for label, average in averages.items():
            mean = {name.removeprefix(ALL): value for name, value in average["mean"].items()}
            rows.append(
                {
                    "labels": title,
                    "at": label,
                    "LinearContrastive": mean["LinearContrastive"],
                    "alpha=1": mean["alpha=1"],
                    "auto": mean["auto"],
                    "alpha=1 / no labels": mean["alpha=1"] / mean["LinearContrastive"],
                    "auto / no labels": mean["auto"] / mean["LinearContrastive"],
                }
            )
    missed = [f"{row['labels']}, {row['at']}" for row in rows if row["auto / no labels"] > ALLOWED]
    run.results["auto"] = {"rows": rows, "missed": missed}
    run.add_table(
        'alpha="auto" against LinearContrastive, which uses no labels',
        rows,
        f"Allowed: {ALLOWED}. Missed: {'; '.join(missed) or 'none'}.",
    )


def findings(in_domain, fewer, transfer, regression):
    """Few and many labels, lost directions, transfer, real labels."""
    found = {}
    for title, averages in in_domain.items():
        for quantity, label in (("few", next(iter(averages))), ("many", list(averages)[-1])):
            mean = averages[label]["mean"]
            found[f"{quantity} labels, {title}, {label}"] = (
                ", ".join(
                    f"{name.removeprefix(ALL)} {mean[name]:.3f}"
                    for name in ("alpha=0", "alpha=0.1", "alpha=1", "labels alone")
                )
                + f"; no labels, refined: {mean[ALL + 'LinearContrastive']:.3f}"
            )
    for label, average in fewer.items():
        lost = np.sqrt(max(R - (int(label.removeprefix("K=")) - 1), 0))
        found[f"labels alone, {label}: error, and square root of the number of lost directions"] = (
            f"{average['mean']['labels alone']:.3f}, {lost:.3f}"
        )
    last = list(transfer)[-1]
    for task in ("source", "new"):
        mean = transfer[last]["mean"]
        found[f"excess risk of the {task} task, two classes, {last}"] = ", ".join(
            f"{name} {mean[f'{task}, {name}']:+.3f}"
            for name in ("alpha=0", "alpha=1", "labels alone")
        )
    most = list(regression)[-1]
    mean = regression[most]["mean"]
    found[f"real labels of five tasks ({most}): error"] = ", ".join(
        f"{name} {mean[name]:.3f}" for name in ("alpha=0", "alpha=0.1", "alpha=1", "labels alone")
    )
    return found


def of_task(cells, task):
    """Cells of one task of the transfer table."""
    return {f"{task}, {label}": with_prefix(average, task) for label, average in cells.items()}


def against_labels(panel, averages):
    """Errors against the number of labels, one curve per weight and estimator."""
    x = [int(label.removeprefix("m=")) for label in averages]
    lines = {
        "PCA": ("PCA", "#999999", "s"),
        "alpha=0": ("alpha=0", "#CC79A7", "D"),
        "alpha=0.1": ("alpha=0.1", "#56B4E9", "<"),
        "alpha=1": ("alpha=1", "#0072B2", "v"),
        "labels alone": ("labels alone", "#000000", "x"),
        ALL + "auto": ('estimator, alpha="auto"', "#009E73", "P"),
        ALL + "LinearContrastive": ("LinearContrastive, no labels", "#D55E00", "o"),
    }
    for name, (label, colour, marker) in lines.items():
        curve(panel, x, list(averages.values()), name, label, color=colour, marker=marker)
    panel.set(xscale="log", yscale="log", xlabel="labels")
    panel.set_xticks(x, [str(m) for m in x])
    panel.minorticks_off()
    plain_log_y(panel)


def against_alpha(panel, averages, names):
    """One curve per cell against the weight of the labels; the end of the axis is labels alone."""
    x = np.arange(len(ALPHAS))
    shades = np.linspace(0.75, 0, len(averages))
    for (label, average), shade, marker in zip(averages.items(), shades, "osvDP^", strict=False):
        mean, error = ([average[part][name] for name in names] for part in PARTS)
        style = {"color": str(shade), "marker": marker, "markersize": 4, "linewidth": 1.2}
        panel.errorbar(x, mean, yerr=error, label=label, capsize=2, **style)
    panel.set_xticks(x, [*(f"{alpha:g}" for alpha in list(ALPHAS.values())[:-1]), "only\nlabels"])
    panel.set_xlabel("alpha, weight of the labels")
    panel.legend(frameon=False, fontsize=9)


def draw_figure(results):
    """Panels of a record: against labels above, against their weight below."""
    figure, axes = panels(3, 2)
    for panel, title in zip(axes, IN_DOMAIN, strict=False):
        against_labels(panel, results[title])
        panel.set_title(wrapped(title))
    against_alpha(axes[2], results[FEWER], ALPHAS)
    axes[2].set_title("K classes, five directions, 600 labels")
    for panel, task in zip(axes[3:5], ("source", "new"), strict=True):
        cells = results["transfer"].items()
        against_alpha(panel, {label: at for label, at in cells if label.startswith(task)}, ALPHAS)
        panel.axhline(0, color="0.6", linewidth=0.8)
    axes[3].set_title("two classes: the task of the labels")
    axes[4].set_title("two classes: another task")
    against_alpha(axes[5], results[REGRESSION], ALPHAS)
    axes[5].set_title("real labels of T tasks, 600 of them")
    for panel in (axes[0], axes[2], axes[5]):
        panel.set_ylabel("subspace error (norm of the sines)")
    axes[3].set_ylabel("excess of the mean squared error\n(variance of the task: 1)")
    shared_legend(figure, axes[:2], ncols=3)
    return figure


def main():
    """Run all tables; compare "auto" with its target, and all with independent values."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=20, quick_seeds=10)
    records, in_domain = [], {}
    for title, (sizes, *_, reference) in IN_DOMAIN.items():
        sizes = sizes[::2] if run.quick else sizes
        cases = [(title, m) for m in sizes]
        in_domain[title] = run_cells(run, in_domain_draw, cases, lambda title, m: f"m={m}")
        records += compared(run, title, in_domain[title], reference)
        add_tables(run, title, in_domain[title])
    kinds = {
        kind: run_cells(
            run,
            kind_draw,
            [(kind, m) for m in (KIND_SIZES[::3] if run.quick else KIND_SIZES)],
            lambda _, m: f"m={m}",
        )
        for kind in KINDS
    }
    auto_table(run, in_domain | kinds)
    cases = [(n_classes,) for n_classes in CLASSES]
    fewer = run_cells(run, few_classes_draw, cases, lambda n_classes: f"K={n_classes}")
    add_tables(run, FEWER, fewer)
    title = "K classes from one direction, 600 labels"
    cases = [(n_classes,) for n_classes in QUANTILES]
    quantiles = run_cells(run, one_direction_draw, cases, lambda n_classes: f"K={n_classes}")
    add_tables(run, title, quantiles)
    records += compared(run, title, quantiles, _reference.FEW_CLASSES)
    cases = [(n_tasks,) for n_tasks in TASKS]
    regression = run_cells(run, regression_draw, cases, lambda n_tasks: f"T={n_tasks}")
    add_tables(run, REGRESSION, regression)
    records += compared(run, REGRESSION, regression, _reference.REGRESSION_LABELS)
    transfer = run_cells(run, transfer_draw, [(m,) for m in TRANSFER], lambda m: f"m={m}")
    both = of_task(transfer, "source") | of_task(transfer, "new")
    run.results["transfer"] = both
    run.add_table(
        "Excess regression risk over the features U*, two classes from one direction",
        [{"": label} | plus_minus(average, average["mean"]) for label, average in both.items()],
        "Source: the task that the classes come from; new: one orthogonal to it.",
    )
    records += compared(run, "transfer", both, _reference.TRANSFER)
    run.add_findings("Findings", findings(in_domain, fewer, transfer, regression))
    add_agreement(run, records)
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
