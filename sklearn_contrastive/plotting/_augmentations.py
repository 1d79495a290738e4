"""AugmentationDisplay: images beside their augmented views."""

import math
from collections.abc import Callable
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from .._typing import ArrayLike, Axes, FloatArray, RandomState
from ._axes import axes_or_new
from ._pictures import draw_rows, figure_size, image_batch, pictures

__all__ = ["AugmentationDisplay"]

_NAME = "AugmentationDisplay"


class AugmentationDisplay:
    """Images and their augmented views, one image a row.

    Look at the views before a training. What differs between the views of an image is what the
    representations will ignore. If you cannot recognise the image in its views, the augmentation is
    too strong; if its views show less than your task needs, such as the colour, choose another one.

    Use :meth:`from_estimator` or :meth:`from_augmentation` to create it.

    Parameters
    ----------
    images : ndarray of shape (n_images, h, w, c)
        Images in [0, 1] of one or three channels.
    views : ndarray of shape (n_images, n_views, h, w, c)
        Their views, which may have another height and width.

    Attributes
    ----------
    images_ : list of list of matplotlib AxesImage
        The images as drawn, row by row; the first of a row is the original.
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    sklearn_contrastive.augmentation.ImageAugmenter : The views as arrays.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_images
    >>> from sklearn_contrastive.plotting import AugmentationDisplay
    >>> photographs = [image[::4, ::4] for image in load_sample_images().images]
    >>> display = AugmentationDisplay.from_augmentation("simclr", photographs, random_state=0)
    >>> display.views.shape
    (2, 6, 107, 160, 3)
    """

    def __init__(self, images: FloatArray, views: FloatArray):
        self.images = images
        self.views = views

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        *,
        n_images: int = 4,
        n_views: int = 6,
        random_state: RandomState = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw views with the augmentation of an estimator and plot them.

        Parameters
        ----------
        estimator : SimCLREmbedder or ImageAugmenter
            Fitted or not; its `augmentations` and its shape of images are used.
        X : array-like, Tensor, or list of paths
            Images, as for `fit` of the estimator.
        n_images : int, default=4
            Number of images to show, the first ones of X.
        n_views : int, default=6
            Number of views of each image.
        random_state : int, RandomState instance or None, default=None
            Draws the views. Pass an int for the same views in every call.
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : AugmentationDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib or PyTorch is not installed.
        TypeError
            If the estimator has no `augmentations`.
        ValueError
            If X cannot be read as images.
        """
        if not hasattr(estimator, "augmentations"):
            raise TypeError(
                f"{type(estimator).__name__} has no augmentations; give a SimCLREmbedder or an "
                "ImageAugmenter, or an augmentation to AugmentationDisplay.from_augmentation."
            )
        return cls.from_augmentation(
            estimator.augmentations,
            X,
            image_shape=getattr(estimator, "image_shape_", estimator.image_shape),
            n_images=n_images,
            n_views=n_views,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_augmentation(
        cls,
        augmentations: str | Callable,
        X: ArrayLike,
        *,
        image_shape: tuple[int, ...] | None = None,
        n_images: int = 4,
        n_views: int = 6,
        random_state: RandomState = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw views with an augmentation and plot them.

        Parameters
        ----------
        augmentations : {"simclr", "crop", "crop_flip", "masking", "none"} or callable
            The augmentation, as for SimCLREmbedder.
        X : array-like, Tensor, or list of paths
            Images, as for `fit` of SimCLREmbedder.
        image_shape : tuple of (h, w) or (h, w, c), default=None
            Shape of an image in two-dimensional X, and the size to which files are resized.
        n_images : int, default=4
            Number of images to show, the first ones of X.
        n_views : int, default=6
            Number of views of each image.
        random_state : int, RandomState instance or None, default=None
            Draws the views. Pass an int for the same views in every call.
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : AugmentationDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib or PyTorch is not installed.
        ValueError
            If X cannot be read as images, or the augmentation is not known.
        """
        for name, value in {"n_images": n_images, "n_views": n_views}.items():
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
        batch = image_batch(X, image_shape, np.arange(min(n_images, len(X))), _NAME)
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        views = _drawn_views(augmentations, batch, n_views, seed)
        return cls(pictures(batch), np.stack(list(map(pictures, views)), axis=1)).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the images and their views.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : AugmentationDisplay
            The display itself.
        """
        n_images, n_views = self.views.shape[:2]
        height = self.images.shape[1] / self.images.shape[2]
        ax, figure = axes_or_new(ax, _NAME, figsize=figure_size(n_images, n_views + 1, height))
        rows = [[image, *views] for image, views in zip(self.images, self.views, strict=True)]
        self.images_ = draw_rows(ax, rows, header=("image", "views"))
        self.ax_, self.figure_ = ax, figure
        return self


def _drawn_views(augmentations, batch, n_views, seed):
    """Views of all images, drawn in pairs as in a training: list of n_views tensors."""
    import torch

    from .._torch_random import seeded_generators
    from ..augmentation._images.by_name import make_augmentation
    from ..augmentation._images.views import two_views

    augmentation = make_augmentation(augmentations)
    generator = torch.Generator().manual_seed(seed)
    # augmentations without a generator argument draw from torch's global state
    with seeded_generators(seed), torch.no_grad():
        pairs = [two_views(augmentation, batch, generator) for _ in range(math.ceil(n_views / 2))]
    return [view for pair in pairs for view in pair][:n_views]
