"""Reading of images for a plot, and drawing of rows of images. Reading needs PyTorch."""

import numpy as np

from .._install import DEEP, needs
from .._lazy import pytorch_is_installed

__all__ = ["draw_rows", "figure_size", "image_batch", "pictures"]

# in widths of an image
_GAP, _GAP_AFTER_FIRST, _HEIGHT_OF_TITLE = 0.06, 0.2, 0.2
_INCHES = 1.15


def image_batch(X, image_shape, indices, plot):
    """Selected images of X as a tensor.

    Parameters
    ----------
    X : array-like, Tensor, or list of paths
        Images, as for SimCLREmbedder.
    image_shape : tuple of (h, w) or (h, w, c), or None
        Their shape, where X does not tell it.
    indices : sequence of int
        Which images.
    plot : str
        Name of the plot, for error messages.

    Returns
    -------
    batch : float32 Tensor of shape (n, c, h, w)
        The images, in [0, 1].

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If X cannot be read as images of one or three channels.
    """
    if not pytorch_is_installed():
        raise ImportError(needs(plot, "PyTorch", *DEEP))
    import torch

    from .._images.read import image_source

    source = image_source(X, image_shape, estimator_name=plot)
    if source.any_values:
        raise ValueError(
            f"{plot} shows images, but X has rows of {source.shape[2]} features. Give "
            "image_shape=(h, w) or (h, w, c) if they are the pixels of images."
        )
    if source.shape[0] not in (1, 3):
        raise ValueError(f"{plot} shows images of 1 or 3 channels, but X has {source.shape[0]}.")
    return next(source.batches([torch.as_tensor(indices)], "cpu")).contiguous()


def pictures(batch):
    """Tensor of shape (n, c, h, w) as an array of shape (n, h, w, c) in [0, 1]."""
    return np.clip(batch.float().permute(0, 2, 3, 1).numpy(), 0, 1)


def figure_size(n_rows, n_columns, height, *, titles=False):
    """Width and height in inches of a figure of images whose height is in widths."""
    row = height + _GAP + titles * _HEIGHT_OF_TITLE
    return (n_columns + 0.5) * _INCHES, (n_rows * row + 0.5) * _INCHES


def draw_rows(ax, rows, *, header, titles=None):
    """Draw rows of images into one pair of axes.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes; their ticks and frame are removed.
    rows : sequence of sequences of ndarray of shape (h, w, c)
        The images. The first of a row stands apart and has a thick frame.
    header : tuple of (str, str)
        Text above the first image, and above the others, of the first row.
    titles : sequence of sequences of str, default=None
        Text above each image.

    Returns
    -------
    images : list of list of matplotlib AxesImage
        The images, row by row.
    """
    height = rows[0][0].shape[0] / rows[0][0].shape[1]
    pitch = height + _GAP + (titles is not None) * _HEIGHT_OF_TITLE
    drawn = []
    for i, row in enumerate(rows):
        drawn.append([])
        for j, image in enumerate(row):
            left, top = j * (1 + _GAP) + (j > 0) * _GAP_AFTER_FIRST, i * pitch
            drawn[-1].append(_draw_image(ax, image, (left, left + 1, top + height, top), j == 0))
            if titles is not None:
                ax.text(left + 0.5, top - 0.03, titles[i][j], ha="center", va="bottom", size=8)
    above = -0.05 - (titles is not None) * _HEIGHT_OF_TITLE
    first_of_others = 1 + _GAP + _GAP_AFTER_FIRST
    ax.text(0.5, above, header[0], ha="center", va="bottom", size=10)
    ax.text(first_of_others, above, header[1], ha="left", va="bottom", size=10)
    n_columns = max(map(len, rows))
    ax.set(
        xlim=(-0.05, n_columns * (1 + _GAP) + _GAP_AFTER_FIRST),
        ylim=((len(rows) - 1) * pitch + height + 0.05, above - 0.15),
        aspect="equal",
    )
    ax.set_axis_off()
    return drawn


def _draw_image(ax, image, extent, thick):
    """One image with a frame: on a page of the same colour its border would not be seen."""
    import matplotlib as mpl
    from matplotlib.patches import Rectangle

    grey = image.shape[2] == 1
    artist = ax.imshow(
        image[..., 0] if grey else image,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=extent,
        interpolation="nearest",
    )
    left, right, bottom, top = extent
    ax.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=mpl.rcParams["axes.edgecolor"],
            linewidth=2.0 if thick else 0.5,
        )
    )
    return artist
