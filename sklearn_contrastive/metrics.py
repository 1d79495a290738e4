"""Sin-theta distance, principal angles, incoherence."""

import numpy as np
from sklearn.utils import check_array

from ._typing import ArrayLike, FloatArray

__all__ = ["incoherence", "principal_angles", "sin_theta_distance"]


def sin_theta_distance(components: ArrayLike, reference: ArrayLike) -> float:
    """Sine distance, in Frobenius norm, between the spans of two sets of rows.

    With U and V orthonormal bases of the two subspaces, the distance is ||UU' - VV'||_F / sqrt(2):
    the root of the summed squared sines of the principal angles. It is 0 for equal subspaces and
    sqrt(k) for orthogonal subspaces of dimension k.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Rows that span the one subspace, as in ``components_``. They need not be orthonormal, but
        must be linearly independent.
    reference : array-like of shape (n_reference, n_features)
        Rows that span the other. Where the numbers of rows differ, the distance is
        sqrt((n_components + n_reference) / 2 - ||U'V||_F^2), at least
        sqrt(abs(n_components - n_reference) / 2).

    Returns
    -------
    distance : float
        The distance, exactly symmetric in the arguments. It is computed from the residuals of
        projecting each basis onto the other subspace, so that angles down to 1e-15 are resolved.

    Raises
    ------
    ValueError
        If the rows of either are linearly dependent, or the numbers of features differ.

    See Also
    --------
    principal_angles : The angles one by one.

    References
    ----------
    .. [1] Stewart and Sun (1990), "Matrix Perturbation Theory", Academic Press.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> angle = np.pi / 6
    >>> round(sin_theta_distance([[1.0, 0.0]], [[np.cos(angle), np.sin(angle)]]), 12)
    0.5
    >>> round(sin_theta_distance([[5.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]), 12)
    0.0
    """
    U, V = _orthonormal_pair(components, reference)
    residual = np.linalg.norm(U - U @ V.T @ V) ** 2 + np.linalg.norm(V - V @ U.T @ U) ** 2
    return float(np.sqrt(residual / 2))


def principal_angles(components: ArrayLike, reference: ArrayLike) -> FloatArray:
    """Principal angles between the spans of two sets of rows, largest first.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Rows that span the one subspace, as in ``components_``. They need not be orthonormal, but
        must be linearly independent.
    reference : array-like of shape (n_reference, n_features)
        Rows that span the other.

    Returns
    -------
    angles : ndarray of shape (min(n_components, n_reference),)
        Angles in radians, in [0, pi / 2], in descending order.

    Raises
    ------
    ValueError
        If the rows of either are linearly dependent, or the numbers of features differ.

    See Also
    --------
    sin_theta_distance : The root of the summed squared sines.
    scipy.linalg.subspace_angles : The same for columns; where some angles are large, small ones
        come from their cosines and have half the digits.

    References
    ----------
    .. [1] Knyazev and Argentati (2002), "Principal Angles between Subspaces in an A-Based Scalar
       Product", SIAM Journal on Scientific Computing 23(6).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.metrics import principal_angles
    >>> angles = principal_angles([[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 1]])
    >>> np.rad2deg(angles).round(6)
    array([45.,  0.])
    """
    U, V = _orthonormal_pair(components, reference)
    smaller, larger = (U, V) if len(U) <= len(V) else (V, U)
    cosines = np.linalg.svd(smaller @ larger.T, compute_uv=False)
    sines = np.linalg.svd(smaller - smaller @ larger.T @ larger, compute_uv=False)
    # arctan2 of both: cosines lose the digits of small angles, sines those of large ones
    return np.arctan2(sines, cosines[::-1])


def incoherence(components: ArrayLike) -> float:
    """Largest share of one feature in a subspace.

    With U an orthonormal basis this is max_i ||e_i' U||^2: 1 if the subspace contains a whole
    feature, n_components / n_features if it is spread over all of them evenly. The smaller it is,
    the less is lost by deleting the diagonal of a covariance matrix.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Rows that span the subspace, as in ``components_``. They need not be orthonormal, but must
        be linearly independent.

    Returns
    -------
    incoherence : float
        A number in [n_components / n_features, 1].

    Raises
    ------
    ValueError
        If the rows are linearly dependent.

    See Also
    --------
    sin_theta_distance : Distance between two subspaces.

    References
    ----------
    .. [1] Candes and Recht (2009), "Exact Matrix Completion via Convex Optimization", Foundations
       of Computational Mathematics 9.

    Examples
    --------
    >>> from sklearn_contrastive.metrics import incoherence
    >>> round(incoherence([[1.0, 1.0, 1.0, -1.0]]), 12)
    0.25
    >>> round(incoherence([[2.0, 0.0, 0.0, 0.0]]), 12)
    1.0
    """
    return float(np.sum(_orthonormal_rows(components, "components") ** 2, axis=0).max())


def _orthonormal_pair(components: ArrayLike, reference: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Orthonormal bases, as rows, of two subspaces of one space."""
    U = _orthonormal_rows(components, "components")
    V = _orthonormal_rows(reference, "reference")
    if U.shape[1] != V.shape[1]:
        raise ValueError(
            f"components has {U.shape[1]} features and reference {V.shape[1]}; both must have "
            "shape (rows, n_features)."
        )
    return U, V


def _orthonormal_rows(rows: ArrayLike, name: str) -> FloatArray:
    """Orthonormal basis, as rows, of the span of linearly independent rows."""
    rows = check_array(rows, dtype=np.float64, input_name=name)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    # a span does not depend on the lengths of its rows, but rank and overflow would; a row of
    # zeros stays as it is and is found below
    rows = rows / np.where(largest > 0, largest, 1)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1)
    _, singular_values, basis = np.linalg.svd(rows, full_matrices=False)
    rank = np.sum(singular_values > singular_values[0] * max(rows.shape) * np.finfo(np.float64).eps)
    if rank < len(rows):
        raise ValueError(
            f"The {len(rows)} rows of {name} span only {rank} dimensions; leave out those that "
            "depend on the others."
        )
    return basis
