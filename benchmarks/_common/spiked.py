"""Samples of a spiked covariance model, profiles of noise, and the error of a subspace.

Written here and not taken from the package, so that a mistake there cannot improve a measurement.
"""

import numpy as np


def haar(rng, n_features, n_components):
    """Orthonormal columns, uniform over all subspaces: (n_features, n_components)."""
    Q, R = np.linalg.qr(rng.standard_normal((n_features, n_components)))
    return Q * np.sign(np.diag(R))


def spiked_sample(rng, n_samples, subspace, signal, noise, dtype=np.float64):
    """Rows x = U z + xi: z with sds `signal` (scalar or (r,)), xi with sds `noise` ((d,))."""
    n_features, n_components = subspace.shape
    X = rng.standard_normal((n_samples, n_features), dtype=dtype)
    X *= np.asarray(noise, dtype)
    scores = signal * rng.standard_normal((n_samples, n_components))
    X += scores.astype(dtype) @ subspace.T.astype(dtype)
    return X


def subspace_error(components, subspace):
    """Distance of the span of rows from the true span of columns.

    ||P - P'||_F / sqrt(2) with P and P' the projectors, the definition of metrics and bounds. For
    equal dimensions it is the Frobenius norm of the sines of the principal angles; each direction
    that one of the two has more than the other adds 1/2 to its square. Rows of zeros do not count.
    """
    left, sizes, _ = np.linalg.svd(np.asarray(components, float).T, full_matrices=False)
    basis = left[:, sizes > sizes[0] * max(left.shape) * np.finfo(float).eps]
    missed = np.linalg.norm(subspace - basis @ (basis.T @ subspace)) ** 2
    extra = np.linalg.norm(basis - subspace @ (subspace.T @ basis)) ** 2
    return float(np.sqrt((missed + extra) / 2))


def timing_problem(n, d, k, dtype, signal="sd 2", seed=0):
    """Samples with noise sd uniform in [.5, 1.5], and the true subspace.

    Signal "sd 2" per direction, "just clear" of the noise (2 (d/n)^(1/4)), or "half" of each
    feature's variance.
    """
    rng = np.random.default_rng(seed)
    U = haar(rng, d, k)
    sd = {"just clear": 2 * (d / n) ** 0.25, "half": np.sqrt(d / k)}.get(signal, 2)
    return spiked_sample(rng, n, U, sd, rng.uniform(0.5, 1.5, d), np.dtype(dtype)), U


def equal_noise(sd):
    """Equal noise sd."""
    return lambda rng, d: np.full(d, sd)


def linear_noise(last):
    """Noise sd from 1 at the first feature, linearly, to `last` at the last one."""
    return lambda rng, d: np.linspace(1, last, d)


def five_noisy(sd):
    """Five features at `sd`, the rest at .5."""
    return lambda rng, d: np.r_[np.full(5, sd), np.full(d - 5, 0.5)]


def uniform_noise(high):
    """Noise sd uniform between 0 and `high`."""
    return lambda rng, d: rng.uniform(0, high, d)


def log_normal_noise(log_sd):
    """Log-normal noise sd, median .5."""
    return lambda rng, d: 0.5 * np.exp(log_sd * rng.standard_normal(d))
