"""Page: subspace error on spiked models, HeteroPCA, scores, and large means."""

from .._common.tables import restructured
from .drawing import dots, legend, panel, plain_log
from .page import Page, Picture, Section
from .records import missed_targets, plus_minus_cell, results, span
from .sentences import large_means_sentence

RECORD = "linear.subspace"
METHODS = [
    "PCA",
    "Scaler+PCA",
    "FA converged",
    "Scaler+FA converged",
    "closed form",
    "LinearContrastive",
]
DRAWN = {
    "LinearContrastive": "LinearContrastive",
    "Scaler+PCA": "Scaler+PCA",
    "Scaler+FA converged": "Scaler+FA",
    "PCA": "PCA",
}
CLEAN = ["PCA", "Scaler+PCA", "Scaler+FA", "floor of .3", "own noise", "LinearContrastive"]
HETERO_PCA = ["LinearContrastive", "HeteroPCA", "deflated", "Scaler+HeteroPCA", "Scaler+deflated"]


def page():
    """Verdict, picture and tables of subspace errors."""
    ratios = [s["ratio"] for s in results("linear.hetero_pca")["settings"]]
    return Page(
        "subspace",
        "Subspace error",
        verdict(),
        (
            Picture(
                RECORD,
                "Subspace error in thirteen spiked models: LinearContrastive and FactorAnalysis "
                "have the same small error but where one factor is on a single feature, which "
                "only PCA finds",
                draw,
            ),
        ),
        "Error: norm of the sines of the angles between the estimated and the true subspace, mean "
        "of five draws of a spiked covariance model. d features, r components, n samples; sds are "
        "those of the noise. ``FA converged`` is FactorAnalysis with a small tolerance and many "
        "iterations.",
        (
            Section("Settings", RECORD, folded={"Error by setting": restructured(*subspace())}),
            Section(
                "HeteroPCA",
                "linear.hetero_pca",
                f"The error of LinearContrastive was {span(ratios)} times that of the best "
                "of four forms of HeteroPCA.",
                {"HeteroPCA and its forms": restructured(*hetero_pca())},
            ),
            Section(
                "Scores where some features are clean",
                "linear.scores",
                "Share of the factors' variance that the scores do not explain.",
                {"Unexplained share by setting": restructured(*clean_features())}
                | missed_targets("linear.scores"),
            ),
            Section("Large means", "linear.numerics", large_means_sentence()),
        ),
    )


def verdict():
    """Ratios to the best rival, and the worst setting by name."""
    settings = sorted(results(RECORD)["settings"], key=lambda s: s["ratio"])
    worst, others = settings[-1], [s["ratio"] for s in settings[:-1]]
    return (
        f"The subspace error is {span(others)} times the best rival's in {len(others)} of "
        f"{len(settings)} settings. With {worst['setting']} it is {worst['ratio']:.1f} times that "
        f"of {worst['best_rival']}."
    )


def subspace():
    """Subspace error of each method, and ours over the best rival's."""
    return ["setting", *METHODS, "ours / best rival"], [
        [s["setting"], *(plus_minus_cell(s, name) for name in METHODS), f"{s['ratio']:.2f}"]
        for s in results(RECORD)["settings"]
    ]


def clean_features():
    """Share of the factors' variance unexplained, and ours over the best rival's."""
    return ["noise", *CLEAN, "ours / best"], [
        [s["setting"], *(f"{s['mean'][name]:.2g}" for name in CLEAN), f"{s['ratio']:.2f}"]
        for s in results("linear.scores")["settings"]
    ]


def hetero_pca():
    """Subspace error of HeteroPCA, and the share of fits that diverged."""
    rivals = HETERO_PCA[1:]
    lines = [
        [
            setting["setting"],
            *(plus_minus_cell(setting, name) for name in HETERO_PCA),
            " / ".join(f"{setting['diverged'][name]:.0%}" for name in rivals),
            " / ".join(f"{setting['n_iter'][name]:.0f}" for name in HETERO_PCA),
            f"{setting['ratio']:.2f}",
        ]
        for setting in results("linear.hetero_pca")["settings"]
    ]
    last = ["diverged (four methods)", "eigenproblems (five methods)", "ours / best HeteroPCA"]
    return ["setting", *HETERO_PCA, *last], lines


def draw():
    """One row for each setting."""
    settings = results(RECORD)["settings"]
    figure, (axes,) = panel(0.44 * len(settings) + 1.2)
    dots(
        axes,
        [setting["setting"] for setting in settings],
        {name: [setting["mean"][name] for setting in settings] for name in DRAWN},
        labels=DRAWN,
        styles={"Scaler+FA converged": ("#56B4E9", "<")},
    )
    plain_log(axes, "x", (0.1, 0.2, 0.5, 1, 2))
    axes.set_xlabel("subspace error (norm of the sines)")
    legend(figure, axes)
    return figure
