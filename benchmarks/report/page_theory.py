"""Page: the theory against simulations."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results
from .theory_findings import agreement, findings

RECOVERY, LIMITS, RISK = "theory.recovery", "theory.limits", "theory.downstream_risk"
SAMPLE, CONFIDENCE = "theory.finite_sample", "linear.confidence"
DRAWN = ["PCA", "closed form", "Scaler+PCA", "LinearContrastive"]
DRAWN_LIMITS = ["PCA", "closed form", "FA", "LinearContrastive"]
PANELS = {
    RECOVERY: "Eight panels: subspace error against features, samples, components and noise",
    RISK: "Six panels: excess risk of regression and of the worst task in three sweeps",
    SAMPLE: "Errors of nine settings, and the bounds from the samples alone",
    LIMITS: "Six panels: equal noise, coherence, unequal signals, means and few masks",
}


def page():
    """Verdict, pictures and findings about the theory."""
    return Page(
        "theory",
        "The theory against simulations",
        verdict(),
        (
            Picture(
                RECOVERY,
                "Subspace error against the noise of five features: that of PCA rises to its "
                "maximum, that of LinearContrastive stays low",
                draw_noise,
                suffix="_noise",
            ),
            Picture(
                LIMITS,
                "Subspace error against the number of features on which a component is: with one "
                "or two features PCA finds it and the contrastive methods do not",
                draw_coherence,
                suffix="_coherence",
            ),
        ),
        "Above: five features of 100 have noise of the given sd, the others .5. Below: equal "
        "noise, each component on features of its own. Ten draws. The closed form minimises the "
        "contrastive loss; LinearContrastive refines it. FA is FactorAnalysis. :doc:`/theory` "
        "explains the quantities.",
        (
            *(
                Section(
                    heading,
                    record,
                    agreement(record.rpartition(".")[2]),
                    {
                        "Findings": findings(record.rpartition(".")[2]),
                        "All panels": all_panels(record),
                    },
                )
                for heading, record in (
                    ("Subspace error and its bounds", RECOVERY),
                    ("Risk of a task", RISK),
                    ("Limits", LIMITS),
                )
            ),
            Section(
                "Bound from the sample alone",
                SAMPLE,
                "``finite_sample_bound`` at confidence 95 %, two hundred draws for each setting.",
                {"Findings": findings("finite_sample"), "All settings": all_panels(SAMPLE)},
            ),
            Section(
                "Confidence intervals",
                CONFIDENCE,
                "``confidence_intervals``, a thousand draws of each model: intervals of 95 % cover "
                f"{results(CONFIDENCE)['findings']['coverage of intervals of 95 %']} of the time.",
                {"Coverage by model": restructured(*coverage())},
            ),
        ),
    )


def coverage():
    """Columns and lines of the table of the shares of intervals that cover."""
    shares = results(CONFIDENCE)["coverage"]
    columns = ["model", *next(iter(shares.values()))]
    lines = [[cell, *(f"{share:.1%}" for share in row.values())] for cell, row in shares.items()]
    return columns, lines


def verdict():
    """Bound, agreement and where PCA is better."""
    parts = [results(record)["agreement"] for record in (RECOVERY, RISK, LIMITS, "theory.labels")]
    n_all = sum(len(part["compared"]) for part in parts)
    n_off = sum(len(part["disagreeing"]) for part in parts)
    concentrated = next(
        cells for title, cells in results(LIMITS)["sweeps"].items() if title.startswith("k;")
    )
    lost = [label for label, c in concentrated.items() if is_lost(c["mean"])]
    found = results(RECOVERY)["findings"]["error of the closed form against its bound"]
    return (
        f"The error of the closed form is {found.partition(' (')[0]}. {n_all - n_off} of {n_all} "
        "values agree with an independent measurement. PCA is better where a component is on "
        f"{' or '.join(label.removeprefix('k=') for label in lost)} features."
    )


def is_lost(mean):
    """Whether LinearContrastive has more than 1.1 times the error of PCA."""
    return mean["LinearContrastive"] > 1.1 * mean["PCA"]


def all_panels(record):
    """The figure of a benchmark."""

    def figure():
        from importlib import import_module

        return import_module(f"benchmarks.{record}").draw_figure(results(record))

    return Picture(record, PANELS[record], figure, width=860)


def draw_sweep(record, prefix, methods, xlabel, ticks):
    """Errors against one setting of a sweep."""
    cells = next(
        cells for title, cells in results(record)["sweeps"].items() if title.startswith(prefix)
    )
    figure, (axes,) = panel()
    plain_log(axes, "y", ticks)
    axes.set(xlabel=xlabel, ylabel="subspace error")
    lines(
        axes,
        list(range(len(cells))),
        {name: [cell["mean"][name] for cell in cells.values()] for name in methods},
        names=[label.partition("=")[2] for label in cells],
    )
    return figure


def draw_noise():
    """Error against the noise of five features."""
    return draw_sweep(RECOVERY, "s;", DRAWN, "noise sd of five features", (0.1, 0.2, 0.5, 1, 2))


def draw_coherence():
    """Error against the number of features of each component."""
    return draw_sweep(LIMITS, "k;", DRAWN_LIMITS, "features per component", (0.1, 0.2, 0.5, 1, 2))
