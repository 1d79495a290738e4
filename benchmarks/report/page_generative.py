"""Page: masked autoencoders and GANs at their best setting, beside the contrastive methods."""

from .._common.tables import restructured
from ..theory.generative import (
    COMPARED,
    CONTRASTIVE,
    ERROR,
    GENERATIVE,
    KEPT,
    MASKED,
    OURS,
    RISK,
    standing,
)
from .drawing import dots, legend, lines, panel, plain_log
from .page import Page, Picture, Section
from .records import plus_minus_cell, results, span
from .theory_findings import findings

RECORD = "theory.generative"
DRAWN = "five at sd 2"
METHODS = [OURS, "GAN", "Scaler+GAN", MASKED, "closed form"]
STYLES = {
    "GAN": ("#999999", "s"),
    "Scaler+GAN": ("#E69F00", "^"),
    MASKED: ("#0072B2", "v"),
    "encoder": ("#0072B2", "v"),
    "decoder": ("#56B4E9", "<"),
}


def page():
    """Verdict, pictures and tables of the generative methods."""
    return Page(
        "generative",
        "Masked autoencoders and GANs",
        verdict(),
        (
            Picture(
                RECORD,
                "Subspace error in twelve settings: LinearContrastive is lowest except with equal "
                "noise, Scaler+GAN is next, the masked autoencoder is between them and the GAN",
                draw_settings,
                suffix="_settings",
            ),
            Picture(
                RECORD,
                "Subspace error against the keep probability: the masked autoencoder has nearly "
                "the error of PCA at .5 and above, and with its encoder much less at .05 and below",
                draw_kept,
                suffix="_kept",
            ),
        ),
        "Above: each method at its best setting. Below: five features of 100 have noise sd 2, the "
        "others .5; 1 keeps every entry, which is PCA. The keep probability of the masked "
        "autoencoder, and its encoder or decoder, are those of the least mean error: the choice "
        "knows the truth. The GAN finds PCA's subspace, and behind StandardScaler that of "
        "StandardScaler + PCA, where masks change nothing either. The closed form minimises the "
        "contrastive loss; LinearContrastive refines it. Settings: 40 features, 10 components and "
        "20000 samples with equal noise and noise sd 1 to .5 or .1; 100, 5 and 5000 with five "
        "noisy features; 100, 3 and 2000 with uniform sds; 50, 3 and 2000 with log-normal ones; "
        "60, 3 and 5000 with signal sds 10, 1 and 1. :doc:`/theory` explains the quantities.",
        (
            Section(
                "Who wins where",
                RECORD,
                "Ahead and behind: by more than two standard errors of the paired difference to "
                f"the best generative method. {beside_factor_analysis()}\n\n"
                "The risk is the excess of the mean squared error over the best linear features, "
                "for the target for which it is largest, on the scores that ``transform`` returns. "
                "The scores of LinearContrastive are noise-weighted, and so are those of ``closed "
                "form, weighted``.",
                {
                    "Subspace error": restructured(*table(ERROR)),
                    "Worst-task excess risk": restructured(*table(RISK)),
                    "Subspace error by keep probability": restructured(*by_kept(ERROR)),
                    "Worst-task excess risk by keep probability": restructured(*by_kept(RISK)),
                    "Findings": findings("generative"),
                    "All panels": all_panels(),
                },
            ),
        ),
    )


def verdict():
    """Where the contrastive methods are ahead of the best generative method."""
    cells = results(RECORD)[ERROR]
    ahead = [title for title, cell in cells.items() if standing(cell, OURS) == "ahead"]
    behind = [title for title, cell in cells.items() if standing(cell, OURS) == "behind"]
    ratio = [cells[title]["mean"][OURS] / cells[title]["mean"][GENERATIVE] for title in ahead]
    loses = [title for title, cell in cells.items() if standing(cell, "closed form") == "behind"]
    masks = [title for title, cell in cells.items() if beats_masks(cell)]
    return (
        f"{span(ratio)} times the error of the best generative method in {len(ahead)} of "
        f"{len(cells)} settings. LinearContrastive is behind with "
        f"{' and '.join(behind) or 'none'}. The closed form is ahead of the best masked "
        f"autoencoder in {len(masks)} and behind Scaler+GAN or GAN in {len(loses)}."
    )


def beside_factor_analysis():
    """Error of LinearContrastive over that of the rival with the same model."""
    means = [cell["mean"] for cell in results(RECORD)[ERROR].values()]
    ratios = span([mean[OURS] / mean["Scaler+FA"] for mean in means])
    return (
        f"LinearContrastive has {ratios} times the subspace error of StandardScaler + "
        "FactorAnalysis, which fits the same model."
    )


def beats_masks(cell):
    """Whether the closed form is ahead of the best masked autoencoder."""
    return standing(cell, "closed form", MASKED) == "ahead"


def table(quantity):
    """Every method at its best setting, and how the contrastive ones stand to the best."""
    cells = results(RECORD)[quantity]
    mean = next(iter(cells.values()))["mean"]
    methods = [name for name in COMPARED if name in mean]
    ours = [name for name in CONTRASTIVE if name in mean]
    columns = ["setting", *methods, "best masked", "best generative", *(f"{n}: is" for n in ours)]
    return columns, [
        [
            title,
            *(plus_minus_cell(cell, name) for name in methods),
            *cell["best"].values(),
            *(standing(cell, name) for name in ours),
        ]
        for title, cell in cells.items()
    ]


def by_kept(quantity):
    """Encoder and decoder at every keep probability."""
    rows = []
    for title, cell in results(RECORD)[quantity].items():
        for part in ("encoder", "decoder"):
            values = (f"{cell['mean'][f'{part} p={p:g}']:.3f}" for p in KEPT)
            rows.append([title, part, *values])
    return ["setting", "part", *(f"p={p:g}" for p in KEPT)], rows


def all_panels():
    """The figure of the benchmark."""

    def figure():
        from ..theory.generative import draw_figure

        return draw_figure(results(RECORD))

    alt = "Six panels: subspace error and risk against the keep probability with noise sd 1.5, 2, 3"
    return Picture(RECORD, alt, figure, width=860)


def draw_settings():
    """One row for each setting."""
    cells = results(RECORD)[ERROR]
    figure, (axes,) = panel(0.5 * len(cells) + 1.6)
    series = {name: [cell["mean"][name] for cell in cells.values()] for name in METHODS}
    rows = [title.replace("five at", "five features at") for title in cells]
    labels = {"GAN": "GAN or PCA", "Scaler+GAN": "Scaler + GAN or PCA"}
    dots(axes, rows, series, styles=STYLES, labels=labels)
    plain_log(axes, "x", (0.1, 0.2, 0.5, 1, 2))
    axes.set_xlabel("subspace error (norm of the sines)")
    legend(figure, axes)
    return figure


def draw_kept():
    """Error against the keep probability in one setting."""
    mean = results(RECORD)[ERROR][DRAWN]["mean"]
    figure, (axes,) = panel()
    plain_log(axes, "y", (0.2, 0.5, 1, 2))
    axes.set(xlabel="share of entries that is kept", ylabel="subspace error")
    series = {part: [mean[f"{part} p={p:g}"] for p in KEPT] for part in ("encoder", "decoder")}
    level = {name: [mean[name]] * len(KEPT) for name in ("Scaler+GAN", "closed form", OURS)}
    lines(
        axes,
        list(range(len(KEPT))),
        series | level,
        names=[f"{p:g}" * (p in KEPT[::2]) for p in KEPT],
        styles=STYLES,
        labels={part: f"masked {part}" for part in series},
    )
    return figure
