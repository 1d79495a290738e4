"""Page: neighbours and clusters in the scores of real tables."""

from .._common.tables import restructured
from .page import Page, Picture, Section
from .page_accuracy import RECORD as TABLES
from .page_accuracy import draw_means, mean_by_noise
from .records import against, beside, results

RECORD = "linear.distances"
METHODS = [
    "PCA",
    "Scaler+PCA",
    "Scaler+FA",
    "LinearContrastive",
    "Scaler+ours",
    "Scaler+auto",
    "no reduction",
]
MEASURES = {
    "k-NN": "accuracy of 10-NN",
    "k-means": "k-means, adjusted Rand index",
    "logistic": "accuracy of logistic regression behind a scaler",
}


def page():
    """Verdict, picture and tables of neighbours and clusters."""
    n_tables = results(TABLES)["n_tables"]
    return Page(
        "neighbours",
        "Neighbours and clusters in the scores",
        verdict(),
        (
            Picture(
                TABLES,
                "Mean accuracy of ten nearest neighbours against the noise added: on tables as "
                "shipped unscaled LinearContrastive is lowest; behind a scaler it is near "
                "FactorAnalysis",
                draw,
                suffix="_neighbours",
            ),
        ),
        f"Accuracy of 10 nearest neighbours in the scores, mean over {n_tables} real tables; as "
        "many components as classes, from 3 to 10. ``Scaler+LinearContrastive`` has StandardScaler "
        "in front: the fit does not need it, distances between scores do. "
        "``LinearContrastive(whiten=True)`` is the other way.",
        (
            Section(
                "Final tables",
                TABLES,
                folded={
                    "Accuracy of 10 nearest neighbours": restructured(
                        *mean_by_noise("k_nn", METHODS)
                    ),
                    "Adjusted Rand index of k-means": restructured(
                        *mean_by_noise("k_means", METHODS)
                    ),
                },
            ),
            Section(
                "Tables that choices were made on",
                RECORD,
                folded={
                    "As many components as classes, seven tables": restructured(
                        *distances("as many as classes")
                    ),
                    "Two components, fewer than there are classes, six tables": restructured(
                        *distances("two")
                    ),
                },
            ),
        ),
    )


def verdict():
    """Nearest neighbours and clusters behind a scaler, against the rival that is better."""
    found, first, parts = results(TABLES), [], []
    for measure, name in (("k_nn", "10-NN"), ("k_means", "k-means")):
        mean = found[measure]["means"]["as shipped"]
        rival = max(("Scaler+PCA", "Scaler+FA"), key=mean.get)
        first.append(f"{name} {beside(mean, 'Scaler+ours', rival)}")
        parts.append(f"{against(mean['Scaler+ours'], mean[rival])[0]} {rival} in {name}")
    alone = found["k_nn"]["means"]["as shipped"]["LinearContrastive"]
    return (
        f"As shipped, with a scaler: {', '.join(first)}. StandardScaler + LinearContrastive is "
        f"{' and '.join(parts)}. Without the scaler 10-NN has {alone:.3f}."
    )


def distances(n_components):
    """Means over tables of k-NN, k-means and logistic regression behind each reducer."""
    means = results(RECORD)[n_components]["means"]
    methods = list(next(iter(means.values())))
    return ["", *methods], [
        [MEASURES[measure], *(f"{mean[method]:.3f}" for method in methods)]
        for measure, mean in means.items()
    ]


def draw():
    """Accuracy of neighbours against noise."""
    return draw_means(
        "k_nn",
        ["Scaler+PCA", "Scaler+FA", "LinearContrastive", "Scaler+ours", "no reduction"],
        "accuracy of 10-NN",
        {"Scaler+ours": "Scaler+ours", "LinearContrastive": "LinearContrastive"},
        {"Scaler+ours": ("#009E73", "P")},
    )
