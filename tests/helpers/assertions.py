"""Assertions that several test modules share."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

__all__ = [
    "assert_generalised_least_squares",
    "assert_identical",
    "assert_same_factor_model",
    "assert_same_subspace",
    "fitted_attributes",
]


def fitted_attributes(model):
    """Return the public fitted attributes by name."""
    return {
        name: value
        for name, value in vars(model).items()
        if name.endswith("_") and not name.startswith("_")
    }


def assert_identical(model, other):
    """Assert that every fitted attribute, array or list of arrays, is equal to the last bit."""
    found, expected = fitted_attributes(model), fitted_attributes(other)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, list):
            for part, reference in zip(found[name], value, strict=True):
                assert_array_equal(part, reference)
        else:
            assert_array_equal(found[name], value)


def assert_same_factor_model(model, other, size, tol):
    """Assert that two fits have the same noise, mean, covariance, subspace and variances.

    Parameters
    ----------
    model, other : fitted estimators
        With independent noise of the features.
    size : float
        Largest standard deviation of a feature.
    tol : float
        Relative tolerance of the noise variances; the other attributes have multiples of it.
    """
    assert model.n_components_ == other.n_components_
    assert_allclose(model.noise_variance_, other.noise_variance_, rtol=tol)
    assert_allclose(model.mean_, other.mean_, rtol=0, atol=10 * tol * size)
    assert_allclose(model.get_covariance(), other.get_covariance(), rtol=0, atol=10 * tol * size**2)
    projectors = [m.components_.T @ m.components_ for m in (model, other)]
    assert_allclose(*projectors, rtol=0, atol=10 * tol)
    for name in ("explained_variance_", "explained_variance_ratio_", "common_variance_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=100 * tol)


def assert_generalised_least_squares(model, X):
    """Assert that the scores of X are generalised least squares under the scoring noise."""
    noise = model._weights.noise.variances
    common = np.sum(model.loadings_**2, axis=1)
    assert np.all(noise >= model.noise_variance_ * (1 - 1e-12))
    assert np.all(noise <= (model.noise_variance_ + common) * (1 + 1e-12))
    basis, inverse = model.components_.T, np.diag(1 / noise)
    scoring = np.linalg.solve(basis.T @ inverse @ basis, basis.T @ inverse)
    expected = (X - X.mean(axis=0)) @ scoring.T
    assert_allclose(model.transform(X), expected, rtol=0, atol=1e-10)


def assert_same_subspace(components, reference, gap, scale, eps=np.finfo(np.float64).eps):
    """Assert that two sets of orthonormal rows span the same subspace, up to rounding.

    Eigenvectors are perturbed by the rounding of the matrix over the gap between the eigenvalues
    that are in and those that are out (Davis and Kahan, 1970); their signs and, within the
    subspace, their rotation are arbitrary.

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
