"""Accuracy against the number of labels, as a plot."""

import numpy as np

# Okabe and Ito's colours, which colour-blind readers can distinguish; the markers differ as well
STYLES = {
    "raw pixels": {"color": "#000000", "marker": "x", "linestyle": ":"},
    "PCA": {"color": "#999999", "marker": "s"},
    "LinearContrastive": {"color": "#E69F00", "marker": "^"},
    "untrained encoder": {"color": "#56B4E9", "marker": "v"},
    "SimCLREmbedder": {"color": "#D55E00", "marker": "o", "linewidth": 2},
}


def accuracy_curves(axes, scores, n_labels, title):
    """Accuracy against the number of labels; `scores` is name -> list of one dict per seed."""
    for name, entries in scores.items():
        values = np.array([[entry[str(n)] for n in n_labels] for entry in entries])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else None
        axes.errorbar(
            n_labels, values.mean(axis=0), yerr=spread, label=name, capsize=2, **STYLES[name]
        )
    axes.set(xscale="log", xlabel="labels", ylabel="accuracy on test images", title=title)
    axes.set_xticks(n_labels, [f"{n:,}" for n in n_labels])
    axes.minorticks_off()
    axes.grid(axis="y", color="0.92")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
