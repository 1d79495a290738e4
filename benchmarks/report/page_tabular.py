"""Page: TabularContrastiveEmbedder on tables of numbers and categories."""

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import missed_targets, plus_minus_cell, records_of, results

RECORD, SETTINGS = "tabular.embedder", "tabular.settings"
OURS = "TabularContrastiveEmbedder"
SHORT = {
    OURS: "trained network",
    "ContrastiveClassifier": "fine-tuned network",
    "HistGradientBoosting": "boosted trees",
    "RandomForest": "random forest",
    "PCA, 95 % of variance": "PCA",
}
STYLES = {
    "trained network": ("#0072B2", "o"),
    "fine-tuned network": ("#882255", "*"),
    "untrained network": ("#56B4E9", "v"),
    "columns": ("#000000", "s"),
    "PCA": ("#E69F00", "D"),
    "LinearContrastive": ("#009E73", "P"),
    "AutoencoderEmbedder": ("#999999", "h"),
    "random forest": ("#CC79A7", "^"),
    "boosted trees": ("#D55E00", "X"),
}


def page():
    """Verdict, picture and tables of the embedder of tables; None without a record."""
    if not records_of("tabular", "embedder"):
        return None
    return Page(
        "tabular",
        "A network on tables",
        verdict(),
        (
            Picture(
                RECORD,
                "Mean accuracy over the tables against the number of labels, for the trained, the "
                "fine-tuned and the untrained network, the columns, PCA, LinearContrastive and "
                "trees",
                draw,
            ),
        ),
        f"{len(results(RECORD)['facts'])} tables from installed packages with at most 1200 rows, "
        "of which a third is the test set; embedders and reducers are fitted to all other rows "
        "without labels, and logistic regression to the labelled rows. ``ContrastiveClassifier`` "
        "fine-tunes the same network with them. Settings were chosen on "
        "twelve other tables, which the record names. All is at its defaults; LinearContrastive "
        "chooses its number of components. Boosted trees get smaller leaves than by default where "
        "labels are few. The weights of TabPFN, which was trained on many tables, could not be "
        "had: it is missing. :doc:`/guide/tables_networks` says when to use a network.",
        (
            Section(
                "Tables",
                RECORD,
                "The untrained network has the same columns and random hidden units: what the "
                "trained one gains over it was learned from rows without labels.",
                folded={
                    "Ours less each rival, mean over the tables": restructured(*differences()),
                    "Mean accuracy": restructured(*means()),
                    "Each table with 30 labels": restructured(*each_table("30")),
                    "Each table with all labels": restructured(*each_table("all")),
                    "The tables": restructured(*facts()),
                }
                | missed_targets(RECORD),
            ),
            *settings_section(),
        ),
    )


def settings_section():
    """The settings, if they were measured."""
    if not records_of("tabular", "settings"):
        return ()
    found = results(SETTINGS)
    rows = [
        [setting, *(plus_minus_cell(average, labels) for labels in ("30", "100"))]
        for setting, average in found["less_the_baseline"].items()
    ]
    text = (
        f"Accuracy less that of the baseline on {found['n_tables']} tuning tables, mean and "
        "standard error over them. The baseline has the defaults, but 60 epochs."
    )
    table = restructured(["setting", "30 labels", "100 labels"], rows)
    return (Section("Settings", SETTINGS, text, {"One setting changed at a time": table}),)


def verdict():
    """Ours against columns, untrained network and trees, with few and with all labels."""
    found = results(RECORD)["comparisons"]

    def said(labels, rival):
        one = found[labels][rival]
        return f"{one['mean']:+.3f} ({one['wins']} of {one['wins'] + one['losses']} won)"

    return (
        f"With 30 labels the accuracy less that of the columns is {said('30', 'columns')}. Less "
        f"the untrained network: {said('30', 'untrained network')}; LinearContrastive: "
        f"{said('30', 'LinearContrastive')}; a random forest: {said('30', 'RandomForest')}. With "
        f"all labels, less a random forest: {said('all', 'RandomForest')}; boosted trees: "
        f"{said('all', 'HistGradientBoosting')}."
    )


def differences():
    """Mean, standard error, wins and losses against each rival."""
    found = results(RECORD)["comparisons"]
    return ["labels", "rival", "ours less the rival", "wins", "losses"], [
        [
            labels,
            rival,
            f"{one['mean']:+.3f} ± {one['standard_error']:.3f}",
            str(one["wins"]),
            str(one["losses"]),
        ]
        for labels, rivals in found.items()
        for rival, one in rivals.items()
    ]


def means():
    """Mean accuracy of each method, one line per number of labels."""
    found = results(RECORD)["means"]
    methods = list(found["30"])
    return ["labels", *methods], [
        [labels, *(f"{average[method]:.3f}" for method in methods)]
        for labels, average in found.items()
    ]


def each_table(labels):
    """Accuracy on each table."""
    found = results(RECORD)
    methods = list(found["means"][labels])
    return ["table", *methods], [
        [name, *(f"{table['mean'][f'{labels}, {method}']:.3f}" for method in methods)]
        for name, table in found["tables"].items()
    ]


def facts():
    """Sizes of the tables."""
    found = results(RECORD)["facts"]
    columns = list(next(iter(found.values())))
    return ["table", *columns], [
        [name, *(str(table[column]) for column in columns)] for name, table in found.items()
    ]


def draw():
    """Mean accuracy against the number of labels."""
    found = results(RECORD)["means"]
    figure, (axes,) = panel(4.2)
    axes.set(ylabel="mean accuracy", xlabel="labelled rows")
    lines(
        axes,
        list(range(len(found))),
        {
            SHORT.get(method, method): [average[method] for average in found.values()]
            for method in found["30"]
        },
        names=list(found),
        styles=STYLES,
    )
    return figure
