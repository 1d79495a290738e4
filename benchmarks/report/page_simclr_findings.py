"""Page: findings of the SimCLR paper in miniature, each with its verdict."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, lines, panel
from .page import Page, Picture, Section
from .records import read, records_of, results

FOLDER, SETTINGS = "simclr", "images.simclr_settings"
# a claim with more differences shows the smallest one in its sentence
MOST_SHOWN = 3
# heading of each finding, by the stem of its record
FINDINGS = {
    "augmentation_pairs": "Pairs of augmentations",
    "colour_strength": "Strength of the colour jitter",
    "heads": "Projection head, and h against z",
    "batch_epochs": "Batch size against epochs",
    "losses": "Loss and temperature",
    "invariances": "What h and z still know",
}
REPRODUCED, NOT_REPRODUCED, UNCLEAR = "reproduced", "not reproduced", "unclear at this scale"
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
MARKERS = ("o", "v", "P", "D")


def page():
    """Verdict, two pictures, and a section for each finding; None without a record."""
    records = {stem: records_of(FOLDER, stem) for stem in FINDINGS}
    # the one of the miniature comes first: names of others are longer
    names = {stem: of_stem[0] for stem, of_stem in records.items() if of_stem}
    if not names:
        return None
    top = list(names)[:2]
    return Page(
        "simclr_findings",
        "Findings of the SimCLR paper in miniature",
        verdict(names),
        tuple(drawn(names[stem], stem) for stem in top),
        conditions(names[top[0]]),
        tuple(section(name, stem, top) for stem in names for name in records[stem]),
    )


def main_claim(name):
    """The claim that stands for the finding of a record."""
    return results(name)["claims"][0]


def verdict(names):
    """How many findings have which verdict, and which ones."""
    found = {
        word: [stem for stem, name in names.items() if main_claim(name)["verdict"] == word]
        for word in (REPRODUCED, NOT_REPRODUCED, UNCLEAR)
    }
    n_reproduced, n_not, n_unclear = map(len, found.values())
    listed = ". ".join(
        f"{word.capitalize()}: {', '.join(stem.replace('_', ' ') for stem in stems)}"
        for word, stems in found.items()
        if stems
    )
    all_claims = [claim["verdict"] for name in names.values() for claim in results(name)["claims"]]
    return (
        f"Of {len(names)} findings of SimCLR: {n_reproduced} reproduced, {n_not} not reproduced, "
        f"{n_unclear} unclear at this scale. {listed}. Of all {len(all_claims)} claims, parts of "
        f"findings included, {all_claims.count(REPRODUCED)} are reproduced and "
        f"{all_claims.count(NOT_REPRODUCED)} not."
    )


def conditions(name):
    """Data, network, and the rule of the verdicts."""
    sizes = read(name)["settings"]["sizes"]
    return (
        f"Fashion-MNIST at 14 x 14 pixels, grey or in random colours: {sizes['n_train']} images "
        f"without labels, {sizes['epochs']} epochs in batches of {sizes['batch_size']} unless the "
        f"finding changes them, a narrow residual network with {sizes['widths'][-1]} features, one "
        "CPU thread. A linear probe has the labels of these images; accuracy on "
        f"{sizes['n_test']} test images. The colours were softened until a supervised network "
        "learned the classes; nothing else was tuned. Small images of clothes and "
        f"{sizes['epochs'] * sizes['n_train'] // sizes['batch_size']} steps are far from ImageNet "
        "and 100 epochs.\n\n"
        "A claim says that some differences of accuracies are positive. Each is computed for each "
        "seed, which draws images, weights and views. Reproduced: the 95 % interval of Student's t "
        "of every difference is above 0. Not reproduced: one of them is smaller than one point, by "
        "an interval that is corrected for their number. Otherwise it is unclear at this scale: "
        "the seeds do not decide. ``benchmarks/simclr/_judge.py`` has the rule; the first claim of "
        "each table stands for the finding."
    )


def section(name, stem, top):
    """Two sentences about a finding, its picture unless that is on top, and its tables."""
    # a run of another scale, or of a GPU, has its name in that of the record
    of_run = name.removeprefix(f"{FOLDER}.{stem}").replace("_", " ")
    on_top = stem in top and not of_run
    picture = {} if on_top else {"Picture": drawn(name, stem)}
    tables = {
        "Claims": restructured(*claims_table(name)),
        "Scores": restructured(*scores_table(name)),
    }
    text = sentences(name)
    if stem == "augmentation_pairs":
        text += f"\n\n{on_larger_images()}"
    return Section(FINDINGS[stem] + of_run, name, text, picture | tables)


def on_larger_images():
    """Crop, jitter and both in the benchmark of the settings, which has more images."""
    found = results(SETTINGS)["groups"]["augmentation"]
    crop, jitter, both = (
        found[each]["mean"]["probe"] for each in ("crop", "jitter", "crop, jitter")
    )
    n_images = read(SETTINGS)["settings"]["images"]
    return (
        f"On {n_images} grey images of 28 x 28 pixels, :doc:`image_settings`, both together have "
        f"{both:.3f}, crop alone {crop:.3f} and jitter alone {jitter:.3f}."
    )


def sentences(name):
    """The main claim with its verdict, then our numbers beside those of the paper."""
    claim = main_claim(name)
    shown, which = claim["contrasts"], ""
    if len(shown) > MOST_SHOWN:
        shown, which = [closest(claim)], f", the smallest of {len(shown)} differences"
    ours = "; ".join(
        f"{side(name, each['plus'])} against {side(name, each['minus'])}{which}: {difference(each)}"
        for each in shown
    )
    return (
        f"{claim['statement']}: **{claim['verdict']}**. Here {ours}; the paper, on ImageNet: "
        f"{claim['paper']}."
    )


def closest(claim):
    """The contrast of a claim with the smallest mean."""
    return min(claim["contrasts"], key=lambda contrast: contrast["mean"])


def mean(name, score):
    """Mean of a score over the seeds."""
    return float(np.mean(results(name)["scores"][score]))


def side(name, scores):
    """One side of a contrast: names and means."""
    return " and ".join(f'"{score}" {mean(name, score):.3f}' for score in scores)


def difference(contrast):
    """Mean and interval of a contrast."""
    return f"{contrast['mean']:+.3f} ({contrast['low']:+.3f} to {contrast['high']:+.3f})"


def claims_table(name):
    """All claims, each with its contrast that is smallest."""
    return ["claim", "verdict", "smallest difference", "the paper, on ImageNet"], [
        [claim["statement"], claim["verdict"], difference(closest(claim)), claim["paper"]]
        for claim in results(name)["claims"]
    ]


def scores_table(name):
    """Mean and range over the seeds of every score."""
    return ["name", "accuracy", "of the seeds"], [
        [score, f"{np.mean(values):.3f}", f"{min(values):.3f} to {max(values):.3f}"]
        for score, values in results(name)["scores"].items()
    ]


# --- pictures ------------------------------------------------------------------------------------


def drawn(name, stem):
    """The picture of a finding."""
    return Picture(name, ALTERNATIVES[stem], lambda: DRAWINGS[stem](name))


def draw_pairs(name):
    """Heat map of the pairs, symmetric; the diagonal is one augmentation alone."""
    scores = {tuple(score.split(" + ")): mean(name, score) for score in results(name)["scores"]}
    singles = [pair[0] for pair in scores if len(pair) == 1]
    table = np.array(
        [
            [
                scores.get((row, column), scores.get((column, row), scores.get((row,))))
                for column in singles
            ]
            for row in singles
        ]
    )
    figure, (axes,) = panel(4.4)
    axes.grid(False)
    axes.imshow(table, cmap="cividis")
    middle = (table.min() + table.max()) / 2
    for (row, column), value in np.ndenumerate(table):
        colour = "white" if value < middle else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(singles)), singles, rotation=45, ha="right")
    axes.set_yticks(range(len(singles)), singles)
    axes.set_title("accuracy of a linear probe (%)")
    return figure


def draw_strengths(name):
    """Accuracy against the strength, a panel for each set."""
    scores = results(name)["scores"]
    keys = [score.rsplit(", ", 2) for score in scores]
    sets, ways, strengths = (list(dict.fromkeys(column)) for column in zip(*keys, strict=True))
    figure, all_axes = panel(2.6 * len(sets), rows=len(sets))
    styles = dict(zip(ways, zip(COLOURS, MARKERS, strict=True), strict=False))
    for axes, each in zip(all_axes, sets, strict=True):
        series = {
            way: [mean(name, f"{each}, {way}, {strength}") for strength in strengths]
            for way in ways
        }
        lines(axes, list(range(len(strengths))), series, names=strengths, styles=styles)
        axes.set(title=each, ylabel="accuracy")
    all_axes[-1].set_xlabel("strength of the colour jitter")
    return figure


def draw_batches(name):
    """Accuracy against the batch size, after a short and a long training."""
    keys = [score.split(", ") for score in results(name)["scores"]]
    sizes, lengths = (list(dict.fromkeys(column)) for column in zip(*keys, strict=True))
    figure, (axes,) = panel(2.8)
    styles = dict(zip(lengths, zip(COLOURS, MARKERS, strict=True), strict=False))
    series = {length: [mean(name, f"{size}, {length}") for size in sizes] for length in lengths}
    lines(axes, list(range(len(sizes))), series, names=sizes, styles=styles)
    axes.set(xlabel="batch size", ylabel="accuracy")
    return figure


def draw_losses(name):
    """One row for each loss."""
    return rows_of_scores(
        list(results(name)["scores"]), {"accuracy": list(results(name)["scores"])}, name
    )


def draw_outputs(name):
    """One row for each head or transformation, markers for h and z."""
    keys = [score.split(", ") for score in results(name)["scores"]]
    rows, outputs = (list(dict.fromkeys(column)) for column in zip(*keys, strict=True))
    return rows_of_scores(
        rows, {output: [f"{row}, {output}" for row in rows] for output in outputs}, name
    )


def rows_of_scores(rows, series, name):
    """Markers of scores by row and series; a score that does not exist has none."""
    scores = results(name)["scores"]
    figure, (axes,) = panel(0.3 * len(rows) + 1.1)
    values = {
        title: [mean(name, score) if score in scores else None for score in of_rows]
        for title, of_rows in series.items()
    }
    styles = dict(zip(series, zip(COLOURS, MARKERS, strict=True), strict=False))
    dots(axes, rows, values, styles=styles, above=False)
    axes.set_xlabel("accuracy")
    if len(series) > 1:
        legend(figure, axes)
    return figure


DRAWINGS = {
    "augmentation_pairs": draw_pairs,
    "colour_strength": draw_strengths,
    "heads": draw_outputs,
    "batch_epochs": draw_batches,
    "losses": draw_losses,
    "invariances": draw_outputs,
}
ALTERNATIVES = {
    "augmentation_pairs": "Heat map of the accuracy of a linear probe for each pair of "
    "augmentations; the diagonal is one augmentation alone",
    "colour_strength": "Accuracy against the strength of the colour jitter, of contrastive and of "
    "supervised training, for each set of images",
    "heads": "Accuracy of a linear probe on h and z for no projection head, a linear one and one "
    "with a hidden layer",
    "batch_epochs": "Accuracy of a linear probe against the batch size, after a short and a long "
    "training",
    "losses": "Accuracy of a linear probe for each loss and temperature, one row for each",
    "invariances": "Accuracy of a linear probe that tells which transformation was applied, from h "
    "and from z",
}
