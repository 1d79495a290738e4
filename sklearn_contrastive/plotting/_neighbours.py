"""NeighboursDisplay: images beside the most similar ones."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics.pairwise import cosine_similarity

from .._typing import ArrayLike, Axes, FloatArray
from ._axes import axes_or_new
from ._pictures import draw_rows, figure_size, image_batch, pictures

__all__ = ["NeighboursDisplay"]

_NAME = "NeighboursDisplay"


class NeighboursDisplay:
    """Images and the most similar other images, one query a row.

    It shows what a representation takes for similar: the same object, the same colour, or only the
    same background.

    Use :meth:`from_estimator` or :meth:`from_predictions` to create it.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, h, w, c)
        Images in [0, 1] of one or three channels.
    neighbours : ndarray of shape (n_queries, n_neighbors, h, w, c)
        The images that are most similar to each query, in order.
    similarity : ndarray of shape (n_queries, n_neighbors)
        Their similarity to the query.
    indices : ndarray of shape (n_queries, n_neighbors)
        Their positions in the searched images.
    query_labels : sequence of length n_queries, default=None
        Classes or names of the queries.
    neighbour_labels : ndarray of shape (n_queries, n_neighbors), default=None
        Classes or names of the neighbours.

    Attributes
    ----------
    images_ : list of list of matplotlib AxesImage
        The images as drawn, row by row; the first of a row is the query.
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    sklearn_contrastive.evaluation.similar_images : The positions of similar images.
    sklearn_contrastive.evaluation.knn_accuracy : How often neighbours have the class of an image.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_contrastive.plotting import NeighboursDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> display = NeighboursDisplay.from_estimator(PCA(10).fit(X), X, [0, 1], labels=y)
    >>> display.indices.shape
    (2, 6)
    >>> display.neighbour_labels[0].tolist()
    [0, 0, 0, 0, 0, 0]
    """

    def __init__(
        self,
        queries: ArrayLike,
        neighbours: FloatArray,
        similarity: ArrayLike,
        indices: ArrayLike,
        query_labels: Sequence | None = None,
        neighbour_labels: ArrayLike | None = None,
    ):
        self.queries = queries
        self.neighbours = neighbours
        self.similarity = similarity
        self.indices = indices
        self.query_labels = query_labels
        self.neighbour_labels = neighbour_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        queries: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        n_neighbors: int = 6,
        image_shape: tuple[int, ...] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Search images by the cosine similarity of their representations and plot them.

        Parameters
        ----------
        estimator : fitted transformer
            Such as SimCLREmbedder, PCA or a pipeline of them.
        X : array-like, Tensor, or list of paths
            The images to search, as the estimator takes them.
        queries : sequence of int, or images as X
            Positions in X, or other images. An image of X is not its own neighbour.
        labels : array-like of shape (n_images,), default=None
            Classes or names of the images of X, shown above them.
        n_neighbors : int, default=6
            Number of similar images of each query.
        image_shape : tuple of (h, w) or (h, w, c), default=None
            Shape of an image in two-dimensional X; by default that of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : NeighboursDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib or PyTorch is not installed.
        ValueError
            If X cannot be read as images, or queries, labels or n_neighbors do not fit X.
        """
        if image_shape is None:
            image_shape = getattr(estimator, "image_shape_", None)
        positions = _positions(queries, len(X))
        h = estimator.transform(X)
        h_queries = estimator.transform(queries) if positions is None else h[positions]
        return cls.from_predictions(
            cosine_similarity(h_queries, h),
            X,
            queries,
            labels=labels,
            n_neighbors=n_neighbors,
            image_shape=image_shape,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        similarity: ArrayLike,
        X: ArrayLike,
        queries: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        n_neighbors: int = 6,
        image_shape: tuple[int, ...] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the images of largest similarity to each query.

        Parameters
        ----------
        similarity : array-like of shape (n_queries, n_images)
            Similarity of each query to each image of X, larger for more similar ones.
        X : array-like, Tensor, or list of paths
            The images that were searched.
        queries : sequence of int, or images as X
            Positions in X, or other images. An image of X is not its own neighbour.
        labels : array-like of shape (n_images,), default=None
            Classes or names of the images of X, shown above them.
        n_neighbors : int, default=6
            Number of similar images of each query.
        image_shape : tuple of (h, w) or (h, w, c), default=None
            Shape of an image in two-dimensional X, and the size to which files are resized.
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : NeighboursDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib or PyTorch is not installed.
        ValueError
            If X cannot be read as images, or the other arguments do not fit X.
        """
        positions = _positions(queries, len(X))
        similarity = _checked(similarity, queries, positions, len(X), n_neighbors)
        indices = np.argsort(-similarity, axis=1, kind="stable")[:, :n_neighbors]
        found = pictures(image_batch(X, image_shape, indices.ravel(), _NAME))
        shown = (X, positions) if positions is not None else (queries, np.arange(len(queries)))
        query_labels = neighbour_labels = None
        if labels is not None:
            labels = _checked_labels(labels, len(X))
            neighbour_labels = labels[indices]
            query_labels = None if positions is None else labels[positions]
        display = cls(
            pictures(image_batch(shown[0], image_shape, shown[1], _NAME)),
            found.reshape(*indices.shape, *found.shape[1:]),
            np.take_along_axis(similarity, indices, axis=1),
            indices,
            query_labels,
            neighbour_labels,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the queries and their neighbours.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : NeighboursDisplay
            The display itself.
        """
        n_queries, n_neighbors = self.similarity.shape
        size = self.queries.shape[1] / self.queries.shape[2]
        size = figure_size(n_queries, n_neighbors + 1, size, titles=True)
        ax, figure = axes_or_new(ax, _NAME, figsize=size)
        rows = [[query, *row] for query, row in zip(self.queries, self.neighbours, strict=True)]
        header = "image", "most similar images, with their similarity"
        self.images_ = draw_rows(ax, rows, header=header, titles=self._titles())
        self.ax_, self.figure_ = ax, figure
        return self

    def _titles(self):
        """Text above each image: similarity and label."""
        titles = []
        for i, similarity in enumerate(self.similarity):
            query = "" if self.query_labels is None else str(self.query_labels[i])
            texts = [f"{value:.2f}" for value in similarity]
            if self.neighbour_labels is not None:
                pairs = zip(texts, self.neighbour_labels[i], strict=True)
                texts = [f"{label} ({text})" for text, label in pairs]
            titles.append([query, *texts])
        return titles


def _positions(queries, n_images):
    """Queries as positions in X, or None if they are images."""
    try:
        positions = np.asarray(queries)
    except (ValueError, TypeError, RuntimeError):  # arrays of several sizes, tensors on a GPU
        return None
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        return None
    if len(positions) == 0 or positions.min() < -n_images or positions.max() >= n_images:
        raise ValueError(f"queries={queries!r} must be positions among the {n_images} images of X.")
    return positions % n_images


def _checked(similarity, queries, positions, n_images, n_neighbors):
    """Similarity as a new array, without that of images to themselves."""
    similarity = np.array(similarity, dtype=float)
    if similarity.shape != (len(queries), n_images):
        raise ValueError(
            f"similarity has shape {similarity.shape}; it must be ({len(queries)}, {n_images}), a "
            "row for each query and a column for each image of X."
        )
    n_others = n_images - (positions is not None)
    if not 1 <= n_neighbors <= n_others:
        raise ValueError(
            f"n_neighbors={n_neighbors} must lie between 1 and the {n_others} other images of X."
        )
    if positions is not None:
        similarity[np.arange(len(positions)), positions] = -np.inf
    return similarity


def _checked_labels(labels, n_images):
    labels = np.asarray(labels)
    if labels.shape != (n_images,):
        raise ValueError(
            f"labels has shape {labels.shape}; there must be one for each of the {n_images} images."
        )
    return labels
