"""Random populations of the spiked covariance model, and weights of their scores."""

import numpy as np

from .._typing import ArrayLike, FloatArray
from ..theory import SpikedCovarianceModel
from ..theory._checks import as_vector, check_orthonormal_rows, check_size, check_unit_weights

__all__ = ["draw_model", "draw_weights"]


def draw_model(
    n_features: int,
    n_components: int,
    *,
    subspace: str | ArrayLike,
    support_size: int,
    signal: float | ArrayLike,
    noise: str | float | ArrayLike,
    mean: float | ArrayLike,
    random_state: np.random.RandomState,
) -> SpikedCovarianceModel:
    """Population that the parameters of :func:`make_spiked_covariance` describe."""
    check_size("n_features", n_features)
    check_size("n_components", n_components, at_most=n_features)
    # here as well as in the model, which would accept arrays of other sizes
    signal = as_vector("signal", signal, n_components)
    mean = as_vector("mean", mean, n_features)
    components = _draw_components(subspace, n_components, n_features, support_size, random_state)
    noise = _draw_noise(noise, n_features, random_state)
    return SpikedCovarianceModel(components, signal, noise**2, mean)


def draw_weights(
    weights: ArrayLike | None, n_components: int, random_state: np.random.RandomState
) -> FloatArray:
    """Weights of length 1, drawn or checked."""
    if weights is not None:
        return check_unit_weights(weights, n_components).copy()
    weights = random_state.standard_normal(n_components)
    return weights / np.linalg.norm(weights)


def _draw_components(
    subspace: str | ArrayLike,
    n_components: int,
    n_features: int,
    support_size: int,
    random_state: np.random.RandomState,
) -> FloatArray:
    """Orthonormal rows of shape (n_components, n_features), drawn or checked."""
    if isinstance(subspace, str):
        if subspace == "haar":
            return _haar_rows(n_components, n_features, random_state)
        if subspace == "sparse":
            return _sparse_rows(n_components, n_features, support_size, random_state)
        raise ValueError(
            f'subspace={subspace!r} is not known; give "haar", "sparse" or orthonormal rows.'
        )
    rows = check_orthonormal_rows(subspace, "subspace")
    if rows.shape != (n_components, n_features):
        raise ValueError(
            f"subspace has shape {rows.shape}, but n_components={n_components} and "
            f"n_features={n_features}; give as many rows and columns."
        )
    return rows


def _haar_rows(
    n_components: int, n_features: int, random_state: np.random.RandomState
) -> FloatArray:
    """Orthonormal rows whose span is uniform among the subspaces of its dimension."""
    basis, triangle = np.linalg.qr(random_state.standard_normal((n_features, n_components)))
    # LAPACK's choice of signs is not random; with those of the diagonal the rows are Haar too
    return (basis * np.where(np.diag(triangle) < 0, -1.0, 1.0)).T


def _sparse_rows(
    n_components: int, n_features: int, support_size: int, random_state: np.random.RandomState
) -> FloatArray:
    """Orthonormal rows, each of `support_size` equal entries of random sign, none overlapping."""
    check_size("support_size", support_size)
    if n_components * support_size > n_features:
        raise ValueError(
            f"n_components={n_components} disjoint supports of support_size={support_size} need "
            f"{n_components * support_size} features, but n_features={n_features}."
        )
    chosen = random_state.permutation(n_features)[: n_components * support_size]
    signs = random_state.choice([-1.0, 1.0], size=(n_components, support_size))
    rows = np.zeros((n_components, n_features))
    np.put_along_axis(
        rows, chosen.reshape(n_components, support_size), signs / np.sqrt(support_size), axis=1
    )
    return rows


def _draw_noise(
    noise: str | float | ArrayLike, n_features: int, random_state: np.random.RandomState
) -> FloatArray:
    """Standard deviation of the noise of each feature, drawn or checked."""
    if isinstance(noise, str):
        if noise == "linear":
            return np.linspace(1.0, 0.5, n_features)
        if noise == "lognormal":
            return np.exp(random_state.standard_normal(n_features))
        raise ValueError(
            f'noise={noise!r} is not known; give "linear", "lognormal", or standard deviations.'
        )
    noise = as_vector("noise", noise, n_features)
    if noise.min() < 0:
        raise ValueError("noise holds standard deviations of features; none can be negative.")
    return noise
