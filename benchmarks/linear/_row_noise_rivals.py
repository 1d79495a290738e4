"""Two methods for rows of unequal noise, written from their papers: HePPCAT and LR-ALPCAH.

Both assume centred rows and equal noise in all columns.
"""

import numpy as np

MAX_STEPS = 300
#: relative change of the noise variances at which the iterations stop
TOLERANCE = 1e-4
#: smallest variance of a row as a share of the mean: a row in the span of the factors has none
FLOOR = 1e-6


def heppcat(Y, n_components, groups=None):
    """Probabilistic PCA with one noise variance for each group of rows.

    Alternating expectation-maximisation steps for the factors F and the variances v, from the
    solution with equal variances.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_features)
        Centred rows.
    n_components : int
    groups : ndarray of shape (n_samples,), default=None
        Group of each row, numbered from 0. Each row is a group of its own if None.

    Returns
    -------
    components : ndarray of shape (n_components, n_features)
    row_variance : ndarray of shape (n_samples,)

    References
    ----------
    Hong, Gilman, Balzano and Fessler (2021), HePPCAT: Probabilistic PCA for data with
    heteroscedastic noise, IEEE Transactions on Signal Processing 69.
    """
    groups = np.arange(len(Y)) if groups is None else groups
    sizes = np.bincount(groups)
    F, variance = equal_noise_factors(Y, n_components)
    v = np.full(len(sizes), variance)
    for _ in range(MAX_STEPS):
        F = factor_step(Y, F, v[groups])
        residuals = np.bincount(groups, expected_residuals(Y, F, v[groups])) / sizes
        before, v = v, np.maximum(residuals, FLOOR * variance)
        if np.max(np.abs(v / before - 1)) < TOLERANCE:
            break
    return F.T, v[groups]


def factors_of_known_noise(Y, n_components, row_variance):
    """Maximum-likelihood factors where the noise variance of each row is known.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_features)
        Centred rows.
    n_components : int
    row_variance : ndarray of shape (n_samples,)

    Returns
    -------
    components : ndarray of shape (n_components, n_features)
    """
    # the noisiest rows would rule a start from all rows as they are
    F, _ = equal_noise_factors(Y / np.sqrt(row_variance)[:, None], n_components)
    for _ in range(MAX_STEPS):
        before, F = F, factor_step(Y, F, row_variance)
        if np.linalg.norm(F - before) < TOLERANCE * np.linalg.norm(F):
            break
    return F.T


def equal_noise_factors(Y, n_components):
    """Probabilistic PCA (Tipping and Bishop, 1999): factors (d, k) and the noise variance."""
    _, singular, V = np.linalg.svd(Y, full_matrices=False)
    values = singular**2 / len(Y)
    rest = Y.shape[1] - n_components
    variance = max(values[n_components:].sum() / rest, 1e-12 * values.sum())
    return V[:n_components].T * np.sqrt(np.maximum(values[:n_components] - variance, 0)), variance


def factor_step(Y, F, v):
    """One expectation-maximisation step for F, given each row's noise variance v."""
    F, strengths = _orthogonal_columns(F)
    Z = (Y @ F) / (strengths + v[:, None])
    weighted = Z / v[:, None]
    # the covariance of the scores of row i is v_i / (strengths + v_i)
    second = Z.T @ weighted + np.diag(np.sum(1 / (strengths + v[:, None]), axis=0))
    return np.linalg.solve(second, weighted.T @ Y).T


def expected_residuals(Y, F, v):
    """Expected mean square of the noise of each row, given the row and the model."""
    F, strengths = _orthogonal_columns(F)
    Z = (Y @ F) / (strengths + v[:, None])
    uncertain = v * np.sum(strengths / (strengths + v[:, None]), axis=1)
    return (np.sum((Y - Z @ F.T) ** 2, axis=1) + uncertain) / Y.shape[1]


def _orthogonal_columns(F):
    """F rotated so that F'F is diagonal, and that diagonal."""
    strengths, rotation = np.linalg.eigh(F.T @ F)
    return F @ rotation, strengths


def lr_alpcah(Y, n_components):
    """Low-rank factors with one noise variance for each row, without a model of the scores.

    Alternating minimisation of ||Pi^-1/2 (Y - R L')||^2 + d log det Pi over the scores R, the
    loadings L and the row variances in Pi, from PCA.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_features)
        Centred rows.
    n_components : int

    Returns
    -------
    components : ndarray of shape (n_components, n_features)
    row_variance : ndarray of shape (n_samples,)

    References
    ----------
    Salazar Cavazos, Fessler and Balzano (2025), ALPCAH: Subspace learning for sample-wise
    heteroscedastic data, arXiv:2505.07272.
    """
    L = np.linalg.svd(Y, full_matrices=False)[2][:n_components].T
    R = Y @ L
    v = np.mean((Y - R @ L.T) ** 2, axis=1)
    floor = FLOOR * v.mean()
    v = np.maximum(v, floor)
    for _ in range(MAX_STEPS):
        weighted = R / v[:, None]
        L = np.linalg.solve(weighted.T @ R, weighted.T @ Y).T
        R = np.linalg.solve(L.T @ L, L.T @ Y.T).T
        before, v = v, np.maximum(np.mean((Y - R @ L.T) ** 2, axis=1), floor)
        if np.max(np.abs(v / before - 1)) < TOLERANCE:
            break
    return L.T, v
