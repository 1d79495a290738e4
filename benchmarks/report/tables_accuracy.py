"""Tables of accuracy, subspace error and number of components."""

from .._common.tables import restructured
from .records import Section, missed_targets, plus_minus_cell, results
from .sentences import groups_sentence, large_means_sentence, n_components_sentence, worst_sentence

ACCURACY = ["PCA", "Scaler+PCA", "Scaler+FA", "LinearContrastive", "auto", "no reduction"]
DISTANCES = [*ACCURACY[:4], "Scaler+ours", "Scaler+auto", "no reduction"]
CLEAN = ["PCA", "Scaler+PCA", "Scaler+FA", "floor of .3", "own noise", "LinearContrastive"]
GROUPS = [
    "feature_groups",
    "closed form, groups",
    "without groups",
    "Scaler+PCA",
    "Scaler+FA",
    "whitened groups+PCA",
]
HETERO_PCA = ["LinearContrastive", "HeteroPCA", "deflated", "Scaler+HeteroPCA", "Scaler+deflated"]
SUBSPACE = ["PCA", "Scaler+PCA", "FA converged", "Scaler+FA converged", "LinearContrastive"]


def sections():
    """Sections about accuracy."""
    tables = "linear.downstream"
    groups = "linear.feature_groups"
    return [
        Section(
            "Accuracy on real tables",
            tables,
            restructured(*accuracy()) + worst_sentence() + "\n\n" + missed_targets(tables),
        ),
        Section(
            "Accuracy of 10 nearest neighbours on real tables",
            tables,
            restructured(*accuracy("k_nn", DISTANCES)),
        ),
        Section(
            "Adjusted Rand index of k-means on real tables",
            tables,
            restructured(*accuracy("k_means", DISTANCES)),
        ),
        Section(
            "Scores where some features are clean: share of the factors' variance unexplained",
            "linear.scores",
            restructured(*clean_features()) + missed_targets("linear.scores"),
        ),
        Section(
            "Neighbours, clusters and classes in the scores",
            "linear.distances",
            "As many components as classes, seven tables:\n\n"
            + restructured(*distances("as many as classes"))
            + "Two components, fewer than there are classes, six tables:\n\n"
            + restructured(*distances("two")),
        ),
        Section("Subspace error", "linear.subspace", restructured(*subspace())),
        Section("Number of components", "linear.n_components", n_components_sentence() + "\n\n"),
        Section(
            "Noise shared inside groups: subspace error",
            groups,
            restructured(*feature_groups("errors"))
            + groups_sentence()
            + "\n\n"
            + missed_targets(groups),
        ),
        Section(
            "Noise shared inside groups: R² of the scores",
            groups,
            restructured(*feature_groups("R2")),
        ),
        Section(
            "Noise shared inside groups: number of components",
            groups,
            restructured(*feature_groups_n_components()),
        ),
        Section("HeteroPCA", "linear.hetero_pca", restructured(*hetero_pca())),
        Section("Large means", "linear.numerics", large_means_sentence() + "\n\n"),
    ]


def accuracy(measure="accuracy", methods=ACCURACY):
    """Mean over the final tables, one line per kind of noise."""
    found = results("linear.downstream")[measure]
    means = found["means"] | {"mean of all rows": found["mean_of_rows"]}
    return ["noise added", *methods], [
        [row, *(f"{mean[method]:.3f}" for method in methods)] for row, mean in means.items()
    ]


def clean_features():
    """Share of the factors' variance unexplained, and ours over the best rival's."""
    return ["noise", *CLEAN, "ours / best"], [
        [s["setting"], *(f"{s['mean'][name]:.2g}" for name in CLEAN), f"{s['ratio']:.2f}"]
        for s in results("linear.scores")["settings"]
    ]


def distances(n_components):
    """Means over tables of k-NN, k-means and logistic regression behind each reducer."""
    means = results("linear.distances")[n_components]["means"]
    methods = list(next(iter(means.values())))
    titles = {"k-NN": "accuracy of 10-NN", "k-means": "k-means, adjusted Rand index"}
    titles["logistic"] = "accuracy of logistic regression behind a scaler"
    return ["", *methods], [
        [titles[measure], *(f"{mean[method]:.3f}" for method in methods)]
        for measure, mean in means.items()
    ]


def subspace():
    """Subspace error of each method, and ours over the best rival's."""
    lines = []
    for setting in results("linear.subspace")["settings"]:
        errors = [plus_minus_cell(setting, name) for name in SUBSPACE]
        lines.append([setting["setting"], *errors, f"{setting['ratio']:.2f}"])
    return ["setting", *SUBSPACE, "ours / best rival"], lines


def feature_groups(part):
    """Subspace errors, or R^2 of the scores, where noise is shared inside groups."""
    methods = [*GROUPS, "group means+PCA"] if part == "R2" else GROUPS
    lines = [
        [size(cell), cell["noise"], *(plus_minus_cell(cell[part], name) for name in methods)]
        + ([f"{cell['ratio']:.2f}"] if part == "errors" else [])
        for cell in results("linear.feature_groups")["cells"]
    ]
    last = ["ours / best rival"] if part == "errors" else []
    return ["X", "noise", *methods, *last], lines


def feature_groups_n_components():
    """Numbers of components where noise is shared inside groups."""
    lines = []
    for cell in results("linear.feature_groups")["cells"]:
        found = cell["found"]["without groups"]
        least, most = min(found), max(found)
        without = str(least) if least == most else f"{least} to {most}"
        lines.append([size(cell), cell["noise"], f"{cell['exact']['groups']:.0%}", without])
    return ["X", "noise", "feature_groups right", "found without groups (3 in truth)"], lines


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


def size(cell):
    """Groups and samples of one draw."""
    return f"{cell['d'] // cell['group']} groups of {cell['group']}, n = {cell['n']}"
