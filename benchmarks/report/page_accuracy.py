"""Page: accuracy of a classifier behind each reducer, on real tables."""

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import against, beside, missed_targets, results
from .sentences import worst_sentence

RECORD = "linear.downstream"
METHODS = ["PCA", "Scaler+PCA", "Scaler+FA", "LinearContrastive", "auto", "no reduction"]
DRAWN = ["PCA", "Scaler+PCA", "Scaler+FA", "LinearContrastive", "no reduction"]
NOISE = {
    "as shipped": "as\nshipped",
    "noise .1 to 1": ".1 to 1",
    "noise .1 to 3": ".1 to 3",
    "noise .1 to 10": ".1 to 10",
}


def page():
    """Verdict, picture and tables of the accuracies."""
    n_tables = results(RECORD)["n_tables"]
    return Page(
        "accuracy",
        "Accuracy on real tables",
        verdict(),
        (
            Picture(
                RECORD,
                "Mean accuracy over real tables against the noise added: all methods lose "
                "accuracy, PCA on unscaled data most; no reduction stays on top",
                draw,
            ),
        ),
        f"Mean over {n_tables} tables of R packages, on which no choice was made. Reducer, scaler, "
        "logistic regression; as many components as classes, from 3 to 10; three stratified "
        "folds. Noise of a standard deviation that is log-uniform in the given range is "
        "added to standardised columns. ``Scaler`` is StandardScaler in front, ``FA`` is "
        "FactorAnalysis. A factor model drops variance that features do not share, and a "
        "classifier may need it.",
        (
            Section(
                "Tables",
                RECORD,
                f"``auto`` chooses its own number of components. {worst_sentence()}",
                {"Accuracy by noise": restructured(*mean_by_noise("accuracy", METHODS))}
                | missed_targets(RECORD),
            ),
        ),
    )


def verdict():
    """Without noise and with strong noise, against both rivals."""
    means = results(RECORD)["accuracy"]["means"]
    clean, noisy = means["as shipped"], means["noise .1 to 10"]
    as_shipped, _ = against(clean["LinearContrastive"], clean["Scaler+PCA"])
    with_noise, _ = against(noisy["LinearContrastive"], noisy["Scaler+PCA"])
    over_fa, _ = against(noisy["LinearContrastive"], noisy["Scaler+FA"])
    return (
        f"Accuracy as shipped {beside(clean, 'LinearContrastive', 'Scaler+PCA')}, under strong "
        f"noise {beside(noisy, 'LinearContrastive', 'Scaler+PCA')}. LinearContrastive is "
        f"{as_shipped} Scaler+PCA as shipped, {with_noise} it under strong noise, and {over_fa} "
        f"Scaler+FA there. No reduction has {clean['no reduction']:.3f} as shipped and "
        f"{noisy['no reduction']:.3f} under strong noise."
    )


def mean_by_noise(measure, methods):
    """Mean over the final tables, one line per kind of noise."""
    found = results(RECORD)[measure]
    means = found["means"] | {"mean of all rows": found["mean_of_rows"]}
    return ["noise added", *methods], [
        [row, *(f"{mean[method]:.3f}" for method in methods)] for row, mean in means.items()
    ]


def draw_means(measure, methods, ylabel, labels=None, styles=None):
    """Lines of the means against the noise."""
    means = results(RECORD)[measure]["means"]
    figure, (axes,) = panel()
    axes.set(ylabel=ylabel, xlabel="noise sd added, in column sds")
    lines(
        axes,
        list(range(len(NOISE))),
        {name: [means[noise][name] for noise in NOISE] for name in methods},
        names=list(NOISE.values()),
        labels=labels,
        styles=styles,
    )
    return figure


def draw():
    """Accuracy against noise."""
    return draw_means("accuracy", DRAWN, "accuracy")
