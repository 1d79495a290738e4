"""The spiked model and the error of a subspace.

Written here and not taken from the package, so that a mistake there cannot flatter a measurement.
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
    """Frobenius norm of the sines of the angles between span(rows) and the true span(columns).

    Directions of the truth that `components` lacks altogether count 1 each.
    """
    basis = np.linalg.qr(np.asarray(components, float).T)[0]
    return float(np.linalg.norm(subspace - basis @ (basis.T @ subspace)))
