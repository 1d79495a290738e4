"""Chebyshev-filtered subspace iteration for the leading eigenpairs of a slowly changing pencil."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FeatureBlock", "LeadingBlock", "RowBlock", "WhitenedPairs"]

# directions beyond the requested eigenpairs: they speed up the last ones, and the curvature of the
# likelihood is exact along them (benchmarks/linear/real_speed.py)
OVERSAMPLING = 16
# up to this size the whole matrix is decomposed by LAPACK
_SMALL = 64
# largest number of products in one filter
_LARGEST_DEGREE = 4
# a filter amplifies the last requested direction by so much, if its degree allows
_AMPLIFICATION = 10.0
# and the first by at most so many times more than the last one, or rounding errors of the first
# would drown the last
_LARGEST_RATIO = 1e8
# the unwanted part is bounded by at least these shares of the last wanted and of the first value:
# it keeps the polynomial finite where the block holds everything that is not zero
_SMALL_VALUE, _TINY_VALUE = 1e-6, 1e-14
# products and orthonormalisations of the random directions that a block begins with, and of those
# that complete the loadings of a similar problem
_FIRST_POWERS, _WARM_POWERS = 3, 1
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class WhitenedPairs:
    """Leading eigenpairs of U^(-1/2) C U^(-1/2), as far as a block has found them.

    Parameters
    ----------
    values : ndarray of shape (n_directions,)
        Ritz values, decreasing; never above the eigenvalues.
    vectors : ndarray of shape (n_features, n_directions)
        Orthonormal Ritz vectors.
    norms : ndarray of shape (n_directions,)
        Norms of their residuals.
    exact : bool
        Whether LAPACK has decomposed the whole matrix.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    norms: NDArray[np.float64]
    exact: bool


class LeadingBlock(ABC):
    """A block of directions that follows the leading eigenvectors of U^(-1/2) C U^(-1/2).

    C is a correlation matrix, U = diag(scale). One call of `improve` filters the block by a
    Chebyshev polynomial that is small below the smallest Ritz value of the block, and takes the
    Ritz pairs of the filtered block. The scale may change between calls: the block is a good start
    for the next scale, so that one or two calls for each suffice.

    Parameters
    ----------
    n_pairs : int
        How many eigenpairs are wanted.
    size : int
        Length of a direction.
    n_features : int
        Size of C.
    rng : numpy.random.RandomState
        Draws the first directions.
    rounding : float
        Relative rounding error of the products with C.

    References
    ----------
    Zhou, Saad, Tiago and Chelikowsky (2006), Self-consistent-field calculations using
    Chebyshev-filtered subspace iteration.
    """

    def __init__(self, n_pairs, size, n_features, rng, rounding):
        self.n_features, self.rounding = n_features, rounding
        self.size, self._rng = size, rng
        self._n_pairs = 0
        self._scale = None
        self._directions = None
        self.follow(n_pairs)

    @property
    def width(self) -> int:
        """Number of directions."""
        return min(self._n_pairs + OVERSAMPLING, self.size)

    @property
    def whole(self) -> bool:
        """Whether the whole matrix is decomposed."""
        return self.size <= _SMALL or 2 * self.width > self.size

    def follow(self, n_pairs: int) -> None:
        """Follow that many eigenpairs from now on."""
        self._n_pairs = n_pairs

    def improve(self, scale: NDArray[np.float64]) -> WhitenedPairs:
        """Filter the block once, for the scale that is given, and return its Ritz pairs.

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Positive diagonal of U.

        Returns
        -------
        WhitenedPairs
            More than requested: the directions beyond are the less accurate ones.
        """
        if self.whole:
            return self._decomposed(scale, self.size if self.size <= _SMALL else self.width)
        if self._directions is None:
            return self._ritz_pairs(self._first(scale), scale)
        rounds = self._degree_and_rounds()[1]
        if rounds > 1 and 4 * self.width > self.size:
            return self._decomposed(scale, self.width)  # cheaper than several filters
        for _ in range(rounds):
            pairs = self._ritz_pairs(self._filtered(scale), scale)
        return pairs

    def all_pairs(self, scale: NDArray[np.float64]) -> WhitenedPairs:
        """All eigenpairs, by LAPACK.

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Positive diagonal of U.

        Returns
        -------
        WhitenedPairs
            As many as a direction is long.
        """
        return self._decomposed(scale, self.size)

    def _ritz_pairs(self, block, scale):
        """Rayleigh-Ritz in the span of a block, which becomes the block of Ritz vectors."""
        basis = np.linalg.qr(block / np.maximum(np.linalg.norm(block, axis=0), _TINY))[0]
        return self._ritz_pairs_of(basis, *self._apply(basis, scale), scale)

    def _ritz_pairs_of(self, basis, image, kept, scale):
        """The same from an orthonormal basis and its image; the best pairs are kept."""
        values, rotation = np.linalg.eigh(basis.T @ image)
        self._values, rotation = values[::-1][: self.width], rotation[:, ::-1][:, : self.width]
        self._directions, self._image = basis @ rotation, image @ rotation
        self._kept = None if kept is None else kept @ rotation.astype(kept.dtype)
        self._scale = scale
        norms = np.linalg.norm(self._image - self._directions * self._values, axis=0)
        return WhitenedPairs(self._values, self._vectors(), norms, exact=False)

    def _decomposed(self, scale, n_kept):
        """Leading eigenpairs of the whole matrix, by LAPACK."""
        values, rotation = np.linalg.eigh(self._matrix(scale))
        values, rotation = np.maximum(values[::-1][:n_kept], 0.0), rotation[:, ::-1][:, :n_kept]
        vectors = self._vectors_of_all(values, rotation, scale)
        return WhitenedPairs(values, vectors, np.zeros_like(values), exact=True)

    def _first(self, scale):
        """Random directions, or those of a start, after a few powers of the matrix."""
        block, n_powers = self._start(scale)
        for _ in range(n_powers):
            block = np.linalg.qr(self._apply(block, scale)[0])[0]
        return block

    def _filtered(self, scale):
        """Chebyshev polynomial of the matrix times the block, by the three-term recurrence."""
        block, image = (directions[:, : self.width] for directions in self._moved(scale))
        if block.shape[1] < self.width:
            more = self._rng.standard_normal((self.size, self.width - block.shape[1]))
            more /= np.sqrt(self.size)
            image = np.hstack([image, self._apply(more, scale)[0]])
            block = np.hstack([block, more])
        half = 0.5 * self._largest_unwanted()
        earlier, block = block, image / half - block
        for _ in range(self._degree_and_rounds()[0] - 1):
            image = self._apply(block, scale)[0]
            earlier, block = block, 2.0 * (image / half - block) - earlier
        return block

    def _largest_unwanted(self):
        """Upper end of the interval in which the polynomial is small."""
        wanted = self._values[min(self._n_pairs, len(self._values)) - 1]
        return max(self._values[-1], _SMALL_VALUE * wanted, _TINY_VALUE * self._values[0])

    def _degree_and_rounds(self):
        """Degree of the filter, and how many filters amplify the last wanted direction enough.

        One filter suffices, unless the first direction allows the lowest degree only.
        """
        n_wanted = min(self._n_pairs, len(self._values))
        relative = self._values[:n_wanted] / self._largest_unwanted()
        first, last = np.arccosh(np.maximum(2.0 * relative[[0, -1]] - 1.0, 1.0))
        degrees = np.arange(1, _LARGEST_DEGREE + 1)
        enough = degrees * last > np.log(2 * _AMPLIFICATION)
        wanted = int(degrees[enough][0]) if enough.any() else _LARGEST_DEGREE
        safe = max(1, int(np.sum(degrees * (first - last) <= np.log(_LARGEST_RATIO))))
        degree = min(wanted, safe)
        return degree, wanted if degree == 1 else 1

    @abstractmethod
    def _start(self, scale):
        """Directions to begin with, shape (size, width), and how many powers they need."""

    @abstractmethod
    def _apply(self, directions, scale):
        """Image of directions, and an intermediate product that `_vectors` needs, or None."""

    @abstractmethod
    def _moved(self, scale):
        """The block as directions for a new scale, and its image there, without a product."""

    @abstractmethod
    def _matrix(self, scale):
        """The whole matrix, shape (size, size)."""

    @abstractmethod
    def _vectors(self):
        """Orthonormal vectors of the features from the directions."""

    @abstractmethod
    def _vectors_of_all(self, values, rotation, scale):
        """The same after `_matrix` was decomposed."""


class FeatureBlock(LeadingBlock):
    """A block of directions of the features.

    Parameters
    ----------
    multiply : callable
        C as a function: takes (n_features, m), returns (n_features, m).
    n_features : int
        Size of C.
    n_pairs : int
        How many eigenpairs are wanted.
    rng : numpy.random.RandomState
        Draws the first directions.
    start : ndarray of shape (n_features, m), default=None
        Loadings of a similar problem.
    rounding : float, default=machine epsilon of float64
        Relative rounding error of `multiply`.
    form : callable, default=None
        Returns C, where that is cheaper than its product with the identity.
    """

    def __init__(
        self,
        multiply: Callable[[NDArray], NDArray],
        n_features: int,
        n_pairs: int,
        rng: np.random.RandomState,
        start: NDArray | None = None,
        rounding: float = float(np.finfo(np.float64).eps),
        form: Callable[[], NDArray] | None = None,
    ):
        super().__init__(n_pairs, n_features, n_features, rng, rounding)
        self._multiply, self._loadings = multiply, start
        self._form = form or (lambda: multiply(np.eye(n_features)))
        self._whole_matrix = None

    def _start(self, scale):
        if self._loadings is None:
            return self._rng.standard_normal((self.size, self.width)), _FIRST_POWERS
        known = self._loadings[:, : self.width] / np.sqrt(scale)[:, None]
        known = known / np.maximum(np.linalg.norm(known, axis=0), _TINY)
        more = self._rng.standard_normal((self.size, self.width - known.shape[1]))
        return np.hstack([known, more / np.sqrt(self.size)]), _WARM_POWERS

    def _apply(self, directions, scale):
        inverse = 1.0 / np.sqrt(scale)[:, None]
        return inverse * self._multiply(inverse * directions), None

    def _moved(self, scale):
        # C times the vectors in the units of the features does not depend on the scale
        ratio = np.sqrt(scale / self._scale)[:, None]
        return self._directions * ratio, self._image / ratio

    def _matrix(self, scale):
        if self._whole_matrix is None:
            self._whole_matrix = self._form()
        inverse = 1.0 / np.sqrt(scale)
        return inverse[:, None] * self._whole_matrix * inverse

    def _vectors(self):
        return self._directions

    def _vectors_of_all(self, values, rotation, scale):
        return rotation


class RowBlock(LeadingBlock):
    """A block of directions of n < d rows: for C = Z'Z they are those of Z U^-1 Z'.

    Parameters
    ----------
    project : callable
        Z as a function: takes (n_features, m), returns (n_rows, m).
    combine : callable
        Z' as a function: takes (n_rows, m), returns (n_features, m).
    n_rows, n_features : int
        Size of Z.
    n_pairs : int
        How many eigenpairs are wanted.
    rng : numpy.random.RandomState
        Draws the first directions.
    rounding : float
        Relative rounding error of the products.
    """

    def __init__(self, project, combine, n_rows, n_features, n_pairs, rng, rounding):
        super().__init__(n_pairs, n_rows, n_features, rng, rounding)
        # images are kept as precisely as they are computed, which halves their memory in float32
        dtype = np.float64 if rounding < np.finfo(np.float32).eps / 2 else np.float32
        self._project = project
        self._combine = lambda rows: combine(rows).astype(dtype, copy=False)
        self._all_rows = None

    def _start(self, scale):
        random = self._rng.standard_normal((self.n_features, self.width))
        return np.linalg.qr(self._project(random))[0], _FIRST_POWERS

    def _apply(self, directions, scale):
        kept = self._combine(directions)
        return self._project(kept / scale[:, None]), kept

    def _moved(self, scale):
        return self._directions, self._project(self._kept / scale[:, None])

    def _matrix(self, scale):
        if self._all_rows is None:
            self._all_rows = self._combine(np.eye(self.size))
        weighted = self._all_rows / np.sqrt(scale)[:, None].astype(self._all_rows.dtype)
        return (weighted.T @ weighted).astype(np.float64)

    def _vectors(self):
        return self._whitened(self._kept, self._values, self._scale)

    def _vectors_of_all(self, values, rotation, scale):
        rotated = self._all_rows @ rotation.astype(self._all_rows.dtype)
        return self._whitened(rotated, values, scale)

    def _whitened(self, images, values, scale):
        roots = np.sqrt(np.maximum(values, np.finfo(np.float64).eps * max(values[0], 1.0)))
        return images / np.sqrt(scale)[:, None] / roots
