"""Nearest neighbours by cosine: similar images, and how odd an image is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from .._typing import ArrayLike, FloatArray

__all__ = ["SimilarImages", "outlier_distances", "similar_images"]


@dataclass(frozen=True, eq=False)
class SimilarImages:
    """The most similar images of each query, the most similar first.

    Parameters
    ----------
    indices : ndarray of shape (n_queries, n_neighbors)
        Their positions in H.
    similarity : ndarray of shape (n_queries, n_neighbors)
        Their cosine similarity to the query, at most 1.
    """

    indices: NDArray[np.integer]
    similarity: FloatArray


def similar_images(
    H: ArrayLike, queries: ArrayLike | None = None, *, n_neighbors: int = 6
) -> SimilarImages:
    """Find the most similar images by the cosine similarity of representations.

    Parameters
    ----------
    H : array-like of shape (n_images, n_components)
        Representations of the images to search.
    queries : array-like of shape (n_queries,) or (n_queries, n_components), default=None
        Integers are positions in H; rows are representations of other images. None: every image of
        H. An image of H is not its own neighbour.
    n_neighbors : int, default=6
        Number of similar images of each query.

    Returns
    -------
    found : SimilarImages
        Positions and similarities, query by query.

    Raises
    ------
    ValueError
        If H has NaN, queries do not fit H, or there are fewer images than neighbours.

    See Also
    --------
    outlier_distances : How odd each image is.
    sklearn_contrastive.plotting.NeighboursDisplay : Draws similar images.

    Notes
    -----
    The search compares every query with every image, in blocks of limited memory.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.evaluation import similar_images
    >>> X, y = load_digits(return_X_y=True)
    >>> found = similar_images(X, [0, 1], n_neighbors=4)
    >>> y[found.indices]
    array([[0, 0, 0, 0],
           [1, 1, 1, 1]])
    >>> similar_images(X[:1000], X[1000:]).similarity.shape
    (797, 6)
    """
    H = _checked(H, "H")
    positions = _positions(queries, len(H))
    if queries is None or positions is not None:
        _check_n_neighbors(n_neighbors, len(H) - 1, "other images in H")
    else:
        queries = _checked_rows(queries, H, "queries")
        _check_n_neighbors(n_neighbors, len(H), "images in H")
    search = _search(H)
    if positions is None:
        distance, indices = search.kneighbors(queries, n_neighbors)
    else:
        distance, indices = _of_positions(search, H, positions, n_neighbors)
    return SimilarImages(indices, 1 - distance)


def outlier_distances(
    H: ArrayLike, H_new: ArrayLike | None = None, *, n_neighbors: int = 5
) -> FloatArray:
    """Mean cosine distance of each image to its nearest neighbours; larger for odd images.

    Parameters
    ----------
    H : array-like of shape (n_images, n_components)
        Representations of the images that are compared with.
    H_new : array-like of shape (n_new, n_components), default=None
        Representations of the images to judge. None: those of H, each compared with the others.
    n_neighbors : int, default=5
        Number of neighbours. Give more than the number of odd images that are alike: with fewer,
        they are neighbours of each other, and do not look odd.

    Returns
    -------
    distance : ndarray of shape (n_images,) or (n_new,)
        1 minus the mean cosine similarity to the nearest neighbours, from 0 to 2.

    Raises
    ------
    ValueError
        If H has NaN, H_new does not fit H, or there are fewer images than neighbours.

    See Also
    --------
    similar_images : The neighbours themselves.
    sklearn.neighbors.LocalOutlierFactor : The same relative to the distances of the neighbours.

    References
    ----------
    .. [1] Angiulli and Pizzuti (2002), "Fast Outlier Detection in High Dimensional Spaces", PKDD.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.evaluation import outlier_distances
    >>> X = load_digits().data[:500]
    >>> X[7] = X[7][::-1].copy() * (np.arange(64) % 2)  # a broken image
    >>> int(outlier_distances(X).argmax())
    7
    """
    H = _checked(H, "H")
    if H_new is None:
        _check_n_neighbors(n_neighbors, len(H) - 1, "other images in H")
    else:
        H_new = _checked_rows(H_new, H, "H_new")
        _check_n_neighbors(n_neighbors, len(H), "images in H")
    distance, _ = _search(H).kneighbors(H_new, n_neighbors)
    return distance.mean(axis=1)


def _search(H):
    """Neighbours by cosine distance; the brute-force search is the only one for it."""
    return NearestNeighbors(metric="cosine", algorithm="brute").fit(H)


def _of_positions(search, H, positions, n_neighbors):
    """Neighbours of rows of H other than the row itself."""
    distance, indices = search.kneighbors(H[positions], n_neighbors + 1)
    kept = indices != positions[:, None]
    # a row that has many equals need not be among its own neighbours
    kept[kept.all(axis=1), -1] = False
    shape = len(positions), n_neighbors
    return distance[kept].reshape(shape), indices[kept].reshape(shape)


def _checked(H, name):
    """Representations as an array of floats."""
    return check_array(H, dtype=(np.float64, np.float32), input_name=name)


def _checked_rows(rows, H, name):
    """The same for images that are compared with those of H."""
    rows = _checked(rows, name)
    if rows.shape[1] != H.shape[1]:
        raise ValueError(
            f"H has {H.shape[1]} components and {name} {rows.shape[1]}; they must be "
            "representations by the same encoder."
        )
    return rows


def _positions(queries, n_images):
    """Queries as positions in H; None if they are representations, or all images."""
    if queries is None:
        return None
    positions = np.asarray(queries)
    if positions.ndim != 1:
        return None
    if len(positions) == 0 or positions.dtype.kind not in "iu":
        raise ValueError(
            f"queries={queries!r} must be integers, positions in H, or rows of representations."
        )
    if positions.min() < -n_images or positions.max() >= n_images:
        raise ValueError(f"queries={queries!r} must be positions among the {n_images} rows of H.")
    return positions % n_images


def _check_n_neighbors(n_neighbors, largest, what):
    if not 1 <= n_neighbors <= largest:
        raise ValueError(f"n_neighbors={n_neighbors} must lie between 1 and the {largest} {what}.")
