"""Bound on the error of components that is computed from a sample alone."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_random_state

from .._typing import ArrayLike, FloatArray, RandomState
from ._checks import check_orthonormal_rows
from ._half_sample import half_sample_bound

__all__ = ["finite_sample_bound"]


def finite_sample_bound(
    X: ArrayLike,
    components: ArrayLike,
    *,
    confidence: float = 0.95,
    random_state: RandomState = None,
) -> float:
    """Bound the distance of components from the signal subspace, from the sample alone.

    Neither the signal nor the noise variances need to be known. In independent Gaussian samples of
    a spiked covariance model the bound holds with the given probability, for every sample size and
    all noise variances; the constants are explicit. It is several times the actual error: its use
    is to rule a large error out, not to estimate a small one.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples, without missing values, in the units in which the components are.
    components : array-like of shape (n_components, n_features)
        Orthonormal rows, as in ``components_`` of an estimator that was fitted to X. As many as the
        signal subspace has dimensions.
    confidence : float, default=0.95
        Probability, in (0, 1), that the bound holds.
    random_state : int, RandomState instance or None, default=None
        Divides the samples into halves.

    Returns
    -------
    bound : float
        No smaller than the distance of `components` from the signal subspace, in the sense of
        :func:`sklearn_contrastive.metrics.sin_theta_distance`. It is the largest possible
        distance, sqrt(min(n_components, n_features - n_components)), where the samples are too few
        for a smaller bound.

    Raises
    ------
    ValueError
        If X contains NaN, shapes do not fit together, the rows of `components` are not orthonormal,
        there are fewer than four samples, or `confidence` is not in (0, 1).

    See Also
    --------
    contrastive_certificate : A tighter bound, for a known signal subspace.
    first_order_sampling_error : An expectation, for a known model.

    Notes
    -----
    One half of the samples gives the contrastive components V and their eigenvalues; the other
    half, with the covariance S, multiplies them once: Q is an orthonormal basis of
    Delta(S) V / eigenvalues. Given V, the distance of Q from the signal subspace has three sources:
    noise in S, fluctuations of the noise variances, and the diagonal of the signal's covariance,
    which Delta deletes. The first is a linear map of a Gaussian matrix and is bounded by Gaussian
    concentration, the second by moments of the chi-squared distribution and by the singular values
    of a Gaussian matrix [1]_, the third by regression of each feature on the projections of the
    others. The halves are then exchanged, and the distance from `components` to the mean of the two
    bases is added.

    References
    ----------
    .. [1] Davidson and Szarek (2001), "Local operator theory, random matrices and Banach spaces",
       Handbook of the Geometry of Banach Spaces 1.

    Examples
    --------
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.theory.bounds import finite_sample_bound
    >>> X, truth = make_spiked_covariance(20_000, 100, 1, signal=2.0, random_state=0)
    >>> model = LinearContrastive(1).fit(X)
    >>> round(finite_sample_bound(X, model.components_, random_state=0), 1)
    0.2
    """
    X = check_array(X, dtype=np.float64, input_name="X", ensure_min_samples=4)
    components = check_orthonormal_rows(components, "components")
    if components.shape[1] != X.shape[1]:
        raise ValueError(
            f"components has {components.shape[1]} columns, but X has {X.shape[1]} features; "
            "components has shape (n_components, n_features)."
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} is not allowed; give a number in (0, 1).")
    r, d = components.shape
    largest = float(np.sqrt(min(r, d - r)))
    order = check_random_state(random_state).permutation(len(X))
    parts = [_Part.of(X[part]) for part in np.array_split(order, 2)]
    bounds, images = [largest], []
    for pilot, part in (parts, parts[::-1]):
        found = half_sample_bound(
            pilot.covariance, part.covariance, part.n - 1, r, (1 - confidence) / 2
        )
        if found is not None:
            projected = components @ found.basis @ found.basis.T
            images.append((found.bound, projected))
            bounds.append(found.bound + np.linalg.norm(components - projected))
    if len(images) == 2:
        mean = (images[0][1] + images[1][1]) / 2
        bounds.append((images[0][0] + images[1][0]) / 2 + np.linalg.norm(components - mean))
    return float(min(bounds))


@dataclass(frozen=True)
class _Part:
    """Number and covariance of some samples."""

    n: int
    covariance: FloatArray

    @classmethod
    def of(cls, X: FloatArray) -> "_Part":
        return cls(len(X), np.atleast_2d(np.cov(X, rowvar=False)))
