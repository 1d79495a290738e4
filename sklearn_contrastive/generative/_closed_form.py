"""Closed forms of the linear autoencoder, plain or masked, and of the linear GAN."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from .._signs import fix_signs
from ..linear._covariance.scatter import scatter_covariance

__all__ = [
    "LinearCode",
    "Spectrum",
    "canonical_code",
    "masked_autoencoder",
    "reconstruction_errors",
    "spectrum_of",
]

# rows in a block that is centred
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Spectrum:
    """Eigenpairs of the covariance, or of the correlation matrix, of samples.

    The covariance is D^(1/2) V diag(values) V' D^(1/2) with the columns of V in `vectors` and
    D^(1/2) in `scale`.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    scale : ndarray of shape (n_features,)
        Unit of each feature, 0 for a feature that does not vary.
    values : ndarray of shape (m,)
        Eigenvalues, not negative, largest first; m = min(n_samples, n_features).
    vectors : ndarray of shape (n_features, m)
        Orthonormal eigenvectors.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    values: NDArray[np.float64]
    vectors: NDArray[np.float64]


@dataclass(frozen=True)
class LinearCode:
    """A linear autoencoder, x -> mean + components' encoder (x - mean).

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    encoder : ndarray of shape (n_components, n_features)
        Maps centred samples to codes.
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows; their transpose is the decoder.
    """

    mean: NDArray[np.float64]
    encoder: NDArray[np.float64]
    components: NDArray[np.float64]


def spectrum_of(X: NDArray, *, standardised: bool) -> Spectrum:
    """Eigenpairs of the covariance or of the correlation matrix of samples.

    For fewer samples than features they are computed from the rows, without a matrix of shape
    (n_features, n_features).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        At least two samples.
    standardised : bool
        Whether the eigenpairs are those of the correlation matrix.

    Returns
    -------
    Spectrum
        In float64; `scale` is 1 for the covariance, and 0 for a constant feature.
    """
    n_samples, n_features = X.shape
    if n_samples >= n_features:
        found = scatter_covariance(X)
        mean, covariance = found.mean, found.to_matrix()
        scale, inverse = _units(np.diag(covariance), mean, standardised)
        values, vectors = linalg.eigh(covariance * inverse * inverse[:, None])
        values, vectors = values[::-1], vectors[:, ::-1]
    else:
        mean = X.mean(axis=0, dtype=np.float64)
        centred = (X - mean) / np.sqrt(n_samples - 1)
        scale, inverse = _units(np.sum(centred**2, axis=0), mean, standardised)
        _, roots, vectors = linalg.svd(centred * inverse, full_matrices=False)
        values, vectors = roots**2, vectors.T
    return Spectrum(mean, scale, np.maximum(values, 0.0), vectors)


def masked_autoencoder(
    spectrum: Spectrum, n_components: int, keep_probability: float
) -> LinearCode:
    """Linear autoencoder with the least error in reconstructing samples from masked samples.

    Let each entry of a centred sample be kept with probability p and be 0 otherwise. Masked
    samples have the covariance C = p^2 S + p (1-p) D with S the covariance of the samples and D
    its diagonal. The decoder of least expected squared error spans the leading eigenvectors U of
    S C^-1 S, and the encoder is p U' S C^-1. With V and L the eigenpairs of the correlation matrix,

    S C^-1 S = (1/p) D^(1/2) V diag(L^2 / (p L + 1 - p)) V' D^(1/2),

    which inverts no matrix that may be singular. At p = 1 this is PCA.

    Parameters
    ----------
    spectrum : Spectrum
        Spectrum of the samples; standardised for p < 1.
    n_components : int
        Number r of components, at most the number of eigenvalues.
    keep_probability : float
        Probability p that an entry is kept, in (0, 1].

    Returns
    -------
    LinearCode
        Components in the order of the variance of their codes, largest first. The encoder is not
        unique at p = 1 with fewer samples than features; there it is that of PCA.

    References
    ----------
    Baldi and Hornik (1989), Neural networks and principal component analysis: learning from
    examples without local minima.
    """
    if keep_probability == 1:
        components = _with_fixed_signs(spectrum.vectors[:, :n_components].T)
        return LinearCode(spectrum.mean, components, components)
    values, hidden = spectrum.values, 1 - keep_probability
    shrunk = keep_probability * values + hidden
    units = spectrum.scale[:, None]
    inverse = np.divide(
        1.0, spectrum.scale, out=np.zeros_like(spectrum.scale), where=units[:, 0] > 0
    )
    root = units * spectrum.vectors * (values / np.sqrt(shrunk))
    components = _with_fixed_signs(_leading_left_vectors(root, n_components).T)
    coefficients = (components * spectrum.scale) @ spectrum.vectors * (values / shrunk)
    return LinearCode(spectrum.mean, coefficients @ spectrum.vectors.T * inverse, components)


def canonical_code(
    encoder: NDArray, decoder: NDArray, X: NDArray, mean: NDArray, keep_probability: float
) -> LinearCode:
    """Rotate a trained autoencoder to the basis of the closed form.

    Decoder and encoder are unique only up to an invertible matrix between them. This basis makes
    the decoder orthonormal and the codes of masked samples uncorrelated, with variances in
    descending order.

    Parameters
    ----------
    encoder : ndarray of shape (n_components, n_features)
        Maps centred samples to codes.
    decoder : ndarray of shape (n_features, n_components)
        Maps codes to centred samples.
    X : ndarray of shape (n_samples, n_features)
        The training samples.
    mean : ndarray of shape (n_features,)
        Their mean.
    keep_probability : float
        Probability that an entry is kept, in (0, 1].

    Returns
    -------
    LinearCode
        The same map from samples to samples.
    """
    basis, triangle = np.linalg.qr(decoder)
    encoder = triangle @ encoder
    codes, variances = np.zeros((len(X), len(encoder))), np.zeros(X.shape[1])
    for start in range(0, len(X), _BLOCK_ROWS):
        centred = X[start : start + _BLOCK_ROWS] - mean
        codes[start : start + _BLOCK_ROWS] = centred @ encoder.T
        variances += np.sum(centred**2, axis=0)
    covariance = keep_probability * codes.T @ codes
    covariance += (1 - keep_probability) * (encoder * variances) @ encoder.T
    rotation = np.linalg.eigh(covariance)[1][:, ::-1]
    components = (basis @ rotation).T
    signs = fix_signs(components)[:, None]
    return LinearCode(mean, rotation.T @ encoder * signs, components * signs)


def reconstruction_errors(
    centred: NDArray, encoder: NDArray, components: NDArray, keep_probability: float
) -> NDArray[np.float64]:
    """Expected squared error of the reconstruction of each sample from a masked sample.

    The error of the mean reconstruction, ||x - p U E x||^2, plus the variance over the masks,
    p (1-p) sum_i x_i^2 ||E e_i||^2, for encoder E and orthonormal components U'.

    Parameters
    ----------
    centred : ndarray of shape (n_samples, n_features)
        Samples minus the mean.
    encoder, components : ndarray of shape (n_components, n_features)
        The autoencoder, as in `LinearCode`.
    keep_probability : float
        Probability p that an entry is kept, in (0, 1].

    Returns
    -------
    errors : ndarray of shape (n_samples,)
        Summed over the features, averaged over all masks.
    """
    reconstruction = keep_probability * (centred @ encoder.T) @ components
    spread = keep_probability * (1 - keep_probability) * np.sum(encoder**2, axis=0)
    return np.sum((centred - reconstruction) ** 2, axis=1) + centred**2 @ spread


def _units(variances, mean, standardised):
    """Unit of each feature and its inverse, both 0 if only rounding errors of the mean vary."""
    rounding = (10 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
    varies = variances > rounding
    scale = np.sqrt(np.where(varies, variances, 0.0)) if standardised else varies.astype(float)
    return scale, np.divide(1.0, scale, out=np.zeros_like(scale), where=varies)


def _leading_left_vectors(matrix, n_vectors):
    """Left singular vectors of the largest singular values, orthonormal for any rank."""
    # the eigenproblem has the size of the smaller side of the matrix
    basis, triangle = linalg.qr(matrix, mode="economic")
    size = len(triangle)
    vectors = linalg.eigh(triangle @ triangle.T, subset_by_index=(size - n_vectors, size - 1))[1]
    return basis @ vectors[:, ::-1]


def _with_fixed_signs(rows):
    """Rows, each with its largest entry positive."""
    return rows * fix_signs(rows)[:, None]
