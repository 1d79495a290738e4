"""Bounds on errors of subspaces in the spiked covariance model, and rates.

Errors are distances as in :func:`sklearn_contrastive.metrics.sin_theta_distance`, so that no error
exceeds sqrt(n_components): larger upper bounds and negative lower bounds are vacuous.
"""

import numpy as np
from sklearn.utils import check_array

from .._typing import ArrayLike, FloatArray
from ._finite_sample import finite_sample_bound
from ._model import SpikedCovarianceModel
from ._pca_bound import pca_lower_bound
from ._rates import (
    contrastive_rate,
    generative_rate,
    in_domain_rate,
    transfer_rate,
)
from ._sampling_error import first_order_sampling_error

__all__ = [
    "contrastive_bias_bound",
    "contrastive_certificate",
    "contrastive_rate",
    "diagonal_deletion_bound",
    "finite_sample_bound",
    "first_order_sampling_error",
    "generative_rate",
    "in_domain_rate",
    "incoherence_bias_bound",
    "pca_lower_bound",
    "transfer_rate",
]


def contrastive_bias_bound(model: SpikedCovarianceModel) -> float:
    """Bound the error of the contrastive components in infinitely many samples.

    Deleting the diagonal takes D = diag(U diag(signal^2) U') away from the signal's covariance.
    The theorem of Davis and Kahan [1]_ then bounds the error by ||D U||_F / min(signal)^2. For
    equal signal strengths this is (sum_i ||U_i||^6)^1/2, U_i being the row of feature i in U,
    whatever the strength. The noise does not enter.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.

    Returns
    -------
    bound : float
        No smaller than the error of ``model.contrastive_components()``.

    See Also
    --------
    incoherence_bias_bound : A simpler bound that is no smaller.

    References
    ----------
    .. [1] Davis and Kahan (1970), "The Rotation of Eigenvectors by a Perturbation. III", SIAM
       Journal on Numerical Analysis 7(1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.bounds import contrastive_bias_bound
    >>> model = SpikedCovarianceModel(np.full((1, 25), 0.2))
    >>> round(contrastive_bias_bound(model), 12)
    0.04
    """
    # in units of the weakest signal: its square may overflow or vanish
    relative_variances = (model.signal / model.signal.min()) ** 2
    deleted = relative_variances @ model.components**2
    return float(np.linalg.norm(model.components * deleted))


def incoherence_bias_bound(model: SpikedCovarianceModel) -> float:
    """Bound the error of the contrastive components by the incoherence of the subspace.

    The bound is sqrt(n_components) * incoherence, times the squared ratio of the strongest to the
    weakest signal. If the incoherence is of order n_components log(n_features) / n_features, as
    that of a random subspace is, and the signals are of equal strength, this is the first term of
    :func:`contrastive_rate`, as in [1]_.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.

    Returns
    -------
    bound : float
        No smaller than :func:`contrastive_bias_bound`.

    See Also
    --------
    contrastive_bias_bound : A sharper bound.
    sklearn_contrastive.metrics.incoherence : The incoherence of any subspace.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.bounds import incoherence_bias_bound
    >>> model = SpikedCovarianceModel(np.kron(np.eye(4), np.full(25, 0.2)))
    >>> round(incoherence_bias_bound(model), 12)
    0.08
    """
    ratio = model.signal.max() / model.signal.min()
    return float(np.sqrt(model.n_components) * model.incoherence * ratio**2)


def contrastive_certificate(model: SpikedCovarianceModel, matrix: ArrayLike) -> float:
    """Bound the error of the leading eigenvectors of an estimate of the signal's covariance.

    With K the matrix and A = U diag(signal^2) U' the signal's covariance, the r = n_components
    leading eigenvectors of K are in error by at most

    ||(K - A) U||_F / (min(signal)^2 - lambda_{r+1}(K)),

    which is the theorem of Davis and Kahan [1]_ with the eigenvalues of A known. It holds for
    every symmetric matrix, also a sample's loss matrix, without assumptions on the noise.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population that the matrix was drawn from.
    matrix : array-like of shape (n_features, n_features)
        Symmetric, in squared units of the features. For the contrastive loss of n centred samples
        this is ``expected_loss_matrix(X, p) / (2 * p * (1 - p) * n)``.

    Returns
    -------
    bound : float
        No smaller than the error of the leading eigenvectors.

    Raises
    ------
    ValueError
        If the matrix has the wrong shape or is not symmetric, or its eigenvalue r+1 is no smaller
        than min(signal)^2, where the bound does not exist.

    See Also
    --------
    sklearn_contrastive.linear.expected_loss_matrix : The matrix of a sample.

    References
    ----------
    .. [1] Davis and Kahan (1970), "The Rotation of Eigenvectors by a Perturbation. III", SIAM
       Journal on Numerical Analysis 7(1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.linear import expected_loss_matrix
    >>> from sklearn_contrastive.theory.bounds import contrastive_certificate
    >>> X, truth = make_spiked_covariance(20_000, 100, 2, signal=2.0, random_state=0)
    >>> matrix = 2 * expected_loss_matrix(X - X.mean(axis=0)) / len(X)
    >>> contrastive_certificate(truth, matrix) < 0.1
    True
    """
    matrix = _check_square(matrix, model.n_features)
    asymmetry = np.abs(matrix - matrix.T).max()
    if asymmetry > 1e-8 * np.abs(matrix).max():
        raise ValueError(
            f"matrix and its transpose differ by {asymmetry:.3g}; it must be symmetric."
        )
    # all eigenvalues, descending: with as many components as features there is none outside
    eigenvalues = np.append(np.linalg.eigvalsh(matrix)[::-1], -np.inf)
    outside = eigenvalues[model.n_components]
    weakest = model.signal.min() ** 2
    if not outside < weakest:
        raise ValueError(
            f"Eigenvalue {model.n_components + 1} of the matrix is {outside:.3g}, no smaller than "
            f"the weakest component's variance, {weakest:.3g}: there is no bound. Use more "
            "samples or a stronger signal."
        )
    signal_part = model.components.T * model.signal**2
    return float(np.linalg.norm(matrix @ model.components.T - signal_part) / (weakest - outside))


def diagonal_deletion_bound(matrix: ArrayLike) -> float:
    """Bound the norm of a matrix without its diagonal by that of the matrix.

    In the spectral norm ||Delta(M)|| <= 2 (1 - 1/d) ||M||, where Delta deletes the diagonal of a
    matrix of d features [1]_. Deleting it at most doubles a perturbation. The constant is sharp:
    the bound is reached by M = I - (2/d) 1 1', with 1 the vector of ones.

    Parameters
    ----------
    matrix : array-like of shape (n_features, n_features)
        Any square matrix M.

    Returns
    -------
    bound : float
        2 (1 - 1/d) ||M||, no smaller than the spectral norm of M without its diagonal.

    Raises
    ------
    ValueError
        If the matrix is not square.

    References
    ----------
    .. [1] Bhatia, Choi and Davis (1989), "Comparing a Matrix to Its Off-Diagonal Part", in "The
       Gohberg Anniversary Collection", Operator Theory: Advances and Applications 40.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory.bounds import diagonal_deletion_bound
    >>> M = np.full((3, 3), 2.0) - 3 * np.eye(3)
    >>> round(float(np.linalg.norm(M - np.diag(np.diag(M)), ord=2)), 12)
    4.0
    >>> round(diagonal_deletion_bound(M), 12)
    4.0
    """
    matrix = _check_square(matrix)
    # the diagonal is the mean of the d matrices F^-j M F^j with F = diag(d-th roots of unity), and
    # j = 0 gives M itself
    return float(2 * (1 - 1 / len(matrix)) * np.linalg.norm(matrix, ord=2))


def _check_square(matrix: ArrayLike, size: int | None = None) -> FloatArray:
    """Finite float64 matrix of as many rows as columns, and of the given size."""
    matrix = check_array(matrix, dtype=np.float64, input_name="matrix")
    size = len(matrix) if size is None else size
    if matrix.shape != (size, size):
        raise ValueError(f"matrix has shape {matrix.shape}; it must be ({size}, {size}).")
    return matrix
