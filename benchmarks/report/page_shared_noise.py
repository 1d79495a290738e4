"""Page: noise that is shared inside groups of features."""

from .._common.tables import restructured
from .drawing import dots, legend, panel, plain_log
from .page import Page, Picture, Section
from .records import missed_targets, plus_minus_cell, results, span
from .sentences import groups_sentence

RECORD = "linear.feature_groups"
METHODS = [
    "feature_groups",
    "closed form, groups",
    "without groups",
    "Scaler+PCA",
    "Scaler+FA",
    "whitened groups+PCA",
]
STYLES = {
    "feature_groups": ("#D55E00", "o"),
    "whitened groups+PCA": ("#0072B2", "v"),
    "without groups": ("#CC79A7", "D"),
    "Scaler+FA": ("#56B4E9", "<"),
}


def page():
    """Verdict, picture and tables of shared noise."""
    return Page(
        "shared_noise",
        "Noise shared inside groups of features",
        verdict(),
        (
            Picture(
                RECORD,
                "Subspace error where noise is shared inside groups: feature_groups and PCA after "
                "whitening of the groups are close together and far below the methods that do not "
                "know the groups",
                draw,
            ),
        ),
        "Spiked models with three components, in which the features of a group share noise; n "
        "samples. ``whitened groups+PCA`` whitens each group and knows the groups as well. The "
        "others do not know them.",
        (
            Section(
                "Tables",
                RECORD,
                groups_sentence(),
                {
                    "Subspace error": restructured(*feature_groups("errors")),
                    "R² of the scores": restructured(*feature_groups("R2")),
                    "Number of components": restructured(*n_components()),
                }
                | missed_targets(RECORD),
            ),
        ),
    )


def cells_of(noise):
    """Settings with one kind of noise."""
    return [cell for cell in results(RECORD)["cells"] if cell["noise"] == noise]


def verdict():
    """With shared noise over the best rival, and what groups cost where there is none."""
    over_best = span([cell["ratio"] for cell in cells_of("shared")])
    rivals = " and ".join(sorted({cell["best_rival"] for cell in cells_of("shared")}))
    cost = span(
        [
            cell["errors"]["mean"]["feature_groups"] / cell["errors"]["mean"]["without groups"]
            for cell in cells_of("independent")
        ]
    )
    return (
        f"With feature_groups the subspace error is {over_best} times the best rival's. The best "
        f"rivals are {rivals}. Where noise is independent, naming groups changes the error by a "
        f"factor of {cost}."
    )


def feature_groups(part):
    """Subspace errors, or R² of the scores."""
    methods = [*METHODS, "group means+PCA"] if part == "R2" else METHODS
    lines = [
        [size(cell), cell["noise"], *(plus_minus_cell(cell[part], name) for name in methods)]
        + ([f"{cell['ratio']:.2f}"] if part == "errors" else [])
        for cell in results(RECORD)["cells"]
    ]
    last = ["ours / best rival"] if part == "errors" else []
    return ["X", "noise", *methods, *last], lines


def n_components():
    """Numbers of components with and without groups."""
    lines = []
    for cell in results(RECORD)["cells"]:
        found = cell["found"]["without groups"]
        least, most = min(found), max(found)
        without = str(least) if least == most else f"{least} to {most}"
        lines.append([size(cell), cell["noise"], f"{cell['exact']['groups']:.0%}", without])
    return ["X", "noise", "feature_groups right", "found without groups (3 in truth)"], lines


def size(cell):
    """Groups and samples of one draw."""
    return f"{cell['d'] // cell['group']} groups of {cell['group']}, n = {cell['n']}"


def draw():
    """One row for each size."""
    cells = cells_of("shared")
    figure, (axes,) = panel(0.46 * len(cells) + 1.2)
    dots(
        axes,
        [size(cell) for cell in cells],
        {name: [cell["errors"]["mean"][name] for cell in cells] for name in STYLES},
        styles=STYLES,
    )
    plain_log(axes, "x", (0.1, 0.2, 0.5, 1, 2))
    axes.set_xlabel("subspace error (norm of the sines)")
    legend(figure, axes)
    return figure
