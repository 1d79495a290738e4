"""Panels, curves with error bars, a shared legend, and PNG files."""

import io
import textwrap

import numpy as np

# Okabe and Ito's colours, which colour-blind readers can distinguish; the markers differ as well
STYLES = {
    "PCA": ("#999999", "s"),
    "Scaler+PCA": ("#E69F00", "^"),
    "autoencoder": ("#000000", "x"),
    "GAN": ("#000000", "+"),
    "closed form": ("#CC79A7", "D"),
    "LinearContrastive": ("#D55E00", "o"),
    "HeteroPCA": ("#F0E442", "p"),
    "deflated": ("#009E73", "P"),
    "FA": ("#0072B2", "v"),
    "Scaler+FA": ("#56B4E9", "<"),
}


def panels(rows, columns, width=4.3, height=3.5):
    """A figure and its axes, flat."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = np.ravel(figure.subplots(rows, columns))
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="0.92")
        each.set_axisbelow(True)
        each.title.set_fontsize(10)
    return figure, axes


def wrapped(title):
    """A title in lines that fit above a panel."""
    return textwrap.fill(title, 40)


def curve(axes, x, averages, name, label=None, **style):
    """One method's mean and standard error against x; averages as `averaged` gives them."""
    colour, marker = STYLES.get(name, ("#000000", None))
    # large and below, so that a rival at the same points stays visible above it
    size = 8 if name == "LinearContrastive" else 4
    style = {"color": colour, "marker": marker, "markersize": size, "linewidth": 1.2} | style
    present = [
        (at, average) for at, average in zip(x, averages, strict=True) if name in average["mean"]
    ]
    if present:
        axes.errorbar(
            [at for at, _ in present],
            [average["mean"][name] for _, average in present],
            yerr=[average["standard_error"][name] for _, average in present],
            label=label or name,
            capsize=2,
            zorder=2 if name == "LinearContrastive" else 3,
            **style,
        )


def plain_log_y(axes):
    """A log axis with ticks at 1, 2 and 5 written as numbers; powers of ten where it is long."""
    low, high = axes.get_ylim()
    axes.set_yscale("log")
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    factors = (1, 2, 5) if np.log10(high / low) < 2.2 else (1,)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    ticks = [tick for tick in ticks if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(low, high)


def shared_legend(figure, axes, ncols=5):
    """One legend under all panels, each name once."""
    found = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        found.values(), found.keys(), loc="outside lower center", ncols=ncols, frameon=False
    )


def save_figure(figure, path, source=""):
    """Write a PNG of 128 colours, enough for lines, in a small file that keeps `source`."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    buffer, kept = io.BytesIO(), PngInfo()
    kept.add_text("Source", source)
    figure.savefig(buffer, dpi=figure.dpi)
    Image.open(buffer).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        path, optimize=True, pnginfo=kept
    )
