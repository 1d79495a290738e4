"""Asymptotic errors of the factor model, against derivatives of the estimate itself."""

import numpy as np
import pytest
from helpers.populations import haar_model
from numpy.testing import assert_allclose
from scipy.linalg import LinAlgError, sqrtm

from sklearn_contrastive.theory._factor_errors import factor_errors

MODELS = {
    "one component": haar_model(0, np.linspace(1, 0.5, 5), 1, signal=1.5),
    "two components": haar_model(1, np.linspace(0.6, 1, 6), 2, signal=[2.0, 1.0]),
}


def maximum_likelihood(covariance, start, k):
    """Noise variances and components, by the plain fixed-point iteration."""
    psi = start
    change = 1.0
    while change > 1e-13:
        root = np.sqrt(psi)
        values, vectors = np.linalg.eigh(covariance / np.outer(root, root))
        B = root[:, None] * vectors[:, -k:] * np.sqrt(values[-k:] - 1)
        before, psi = psi, np.diag(covariance) - np.sum(B**2, axis=1)
        change = np.abs(psi - before).max()
    U = np.linalg.svd(B)[0][:, :k].T
    return psi, U


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_errors_are_those_of_the_derivatives_of_maximum_likelihood(model):
    d, k, n, step = model.n_features, model.n_components, 100, 1e-5
    root = np.real(sqrtm(model.covariance))
    noise, components, distance = 0.0, 0.0, []
    for i in range(d):
        for j in range(i + 1):
            # a symmetric Gaussian matrix: variance 2 on the diagonal, 1 elsewhere
            direction = np.outer(root[i], root[j])
            direction = direction * 2**0.5 if i == j else direction + direction.T
            ends = [
                maximum_likelihood(
                    model.covariance + sign * step * direction, model.noise_variance, k
                )
                for sign in (1, -1)
            ]
            signed = [U * np.sign(np.sum(U * model.components, axis=1))[:, None] for _, U in ends]
            change = (signed[0] - signed[1]) / (2 * step)
            noise = noise + ((ends[0][0] - ends[1][0]) / (2 * step)) ** 2
            components = components + change**2
            outside = change - change @ model.components.T @ model.components
            distance.append(outside.ravel())
    found = factor_errors(model.components, model.signal**2, model.noise_variance, n)
    assert_allclose(found.noise_variance, np.sqrt(noise / n), rtol=1e-5)
    assert_allclose(found.components, np.sqrt(components / n), rtol=1e-5)
    gram = np.array(distance) @ np.array(distance).T / n
    assert found.subspace_mean == pytest.approx(np.trace(gram), rel=1e-5)
    assert found.subspace_variance == pytest.approx(2 * np.sum(gram**2), rel=1e-5)


def test_errors_have_the_units_of_the_estimates_and_fall_with_the_root_of_the_samples():
    model = MODELS["two components"]
    one = factor_errors(model.components, model.signal**2, model.noise_variance, 100)
    unit = 1e3
    other = factor_errors(
        model.components, unit * model.signal**2, unit * model.noise_variance, 400
    )
    assert_allclose(other.noise_variance, unit * one.noise_variance / 2)
    assert_allclose(other.components, one.components / 2)
    assert other.subspace_mean == pytest.approx(one.subspace_mean / 4)
    assert other.subspace_variance == pytest.approx(one.subspace_variance / 16)


def test_too_many_components_are_not_identified():
    model = haar_model(0, np.ones(4), 2, signal=[2.0, 1.0])
    with pytest.raises(LinAlgError):
        factor_errors(model.components, model.signal**2, model.noise_variance, 100)
