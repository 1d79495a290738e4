"""Assertions that several test modules share."""

import numpy as np

__all__ = ["assert_same_subspace"]


def assert_same_subspace(components, reference, gap, scale, eps=np.finfo(np.float64).eps):
    """Assert that two sets of orthonormal rows span the same subspace, up to rounding.

    Eigenvectors are perturbed by the rounding of the matrix over the gap between the eigenvalues
    that are in and those that are out (Davis and Kahan, 1970); their signs and, within the
    subspace, their rotation mean nothing.

    Parameters
    ----------
    components, reference : ndarray of shape (n_components, n_features)
        Orthonormal rows, as in ``components_``.
    gap : float
        Smallest eigenvalue of the subspace minus the largest one outside it.
    scale : float
        Size of the matrix that was decomposed, in the same units.
    eps : float
        Machine precision of the computation.
    """
    components, reference = np.asarray(components, float), np.asarray(reference, float)
    assert components.shape == reference.shape
    outside = reference - reference @ components.T @ components
    sine = np.linalg.norm(outside, ord=2)
    allowed = 50 * np.sqrt(reference.shape[1]) * eps * max(scale / gap, 1.0)
    assert sine <= allowed, f"sine of the largest angle {sine:.3g}, allowed {allowed:.3g}"
