"""Page: settings of SimCLREmbedder, one changed at a time."""

from .._common.tables import restructured
from .drawing import dots, panel
from .page import Page, Picture, Section
from .records import plus_minus_cell, read, results

RECORD = "images.simclr_settings"


def page():
    """Verdict, picture and tables of the settings."""
    n_epochs = read(RECORD)["settings"]["epochs"]
    return Page(
        "image_settings",
        "Settings of SimCLREmbedder",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy of a linear probe for each setting: no augmentation is lowest, the "
                "baseline with crop, flip and jitter near the top",
                draw,
            ),
        ),
        f"Fashion-MNIST, the narrow network, {n_epochs} epochs, one setting changed at a time; the "
        "filled circle is the baseline. Linear probe with 1000 labels, mean of the seeds. So few "
        "epochs are a short training: small differences may not hold after long ones. "
        ":doc:`/guide/image_settings` says what to choose.",
        (
            Section(
                "Tables",
                RECORD,
                paper(),
                {group: restructured(*settings(group)) for group in results(RECORD)["groups"]},
            ),
        ),
    )


def probe(group, name):
    """Mean accuracy of the linear probe."""
    return results(RECORD)["groups"][group][name]["mean"]["probe"]


def verdict():
    """Largest loss, and settings that are better than the baseline."""
    found = results(RECORD)
    effects = {
        f"{group} {name}": probe(group, name) - probe(group, base)
        for group, base in found["baseline"].items()
        for name in found["groups"][group]
    }
    worst = min(effects, key=effects.get)
    better = [f"{name} ({effect:+.3f})" for name, effect in effects.items() if effect > 0]
    base = probe("loss", found["baseline"]["loss"])
    return (
        f"The largest loss is {effects[worst]:+.3f}, with {worst}; the baseline has {base:.3f}. "
        f"Better than the baseline: {', '.join(better) or 'none'}."
    )


def paper():
    """Findings of the paper, for comparison."""
    said = "; ".join(f"{group}: {text}" for group, text in results(RECORD)["paper"].items() if text)
    return f"The paper, on ImageNet: {said}."


def settings(group):
    """One setting changed, all others as in the baseline: probe and neighbours."""
    found = results(RECORD)
    return [group, "probe, 1000 labels", "kNN"], [
        [
            f"{name} (baseline)" if name == found["baseline"][group] else name,
            *(plus_minus_cell(average, key).replace(" ", "") for key in ("probe", "kNN")),
        ]
        for name, average in found["groups"][group].items()
    ]


def draw():
    """One row for each setting, by group."""
    found = results(RECORD)
    rows = [(group, name) for group, names in found["groups"].items() for name in names]
    is_base = [name == found["baseline"][group] for group, name in rows]
    values = [probe(*row) for row in rows]
    figure, (axes,) = panel(0.25 * len(rows) + 0.7)
    dots(
        axes,
        [
            f"{group}: {name}" if base else name
            for (group, name), base in zip(rows, is_base, strict=True)
        ],
        {
            "baseline": [
                value if base else None for value, base in zip(values, is_base, strict=True)
            ],
            "changed": [
                None if base else value for value, base in zip(values, is_base, strict=True)
            ],
        },
        styles={"baseline": ("#D55E00", "o"), "changed": ("#0072B2", "v")},
        above=False,
    )
    axes.set_xlabel("accuracy, 1000 labels")
    return figure
