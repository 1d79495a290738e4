"""Colours of the gallery's pictures, which colour-blind readers distinguish."""

from sklearn_contrastive.plotting._axes import COLOURS


def okabe_ito(gallery_conf, path):
    """Set the colours before an example runs; the order of `reset_modules` matters."""
    import matplotlib as mpl

    mpl.rcParams["axes.prop_cycle"] = mpl.cycler(color=COLOURS)
