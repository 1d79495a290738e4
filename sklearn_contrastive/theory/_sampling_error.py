"""Error that a finite sample adds to the contrastive components, to first order."""

import numpy as np

from .._typing import FloatArray
from ._checks import check_size
from ._model import SpikedCovarianceModel
from ._subspaces import without_diagonal

__all__ = ["first_order_sampling_error"]


def first_order_sampling_error(model: SpikedCovarianceModel, n_samples: int) -> float:
    """Estimate the error that n_samples samples add to the contrastive components.

    With v_k, l_k the leading eigenvectors and eigenvalues of the covariance without its diagonal,
    w_j, m_j the others, and E the error of the sample covariance, the estimate is

    sqrt(sum_k sum_j Var(w_j' Delta(E) v_k) / (l_k - m_j)^2),

    the root mean squared distance between the components of a sample and those of the population,
    to first order in 1 / n_samples, for Gaussian samples and any noise variances. It is an
    expectation, not a bound. It leaves out the bias of the components, which does not depend on the
    number of samples: the squared bias and the squared estimate add up. For equal noise of variance
    sigma^2 and components that are spread over many features it approaches
    sqrt((d - r) / n * sum_k sigma^2 (signal_k^2 + sigma^2) / signal_k^4), the error of PCA [1]_.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    n_samples : int
        Number of samples.

    Returns
    -------
    error : float
        The estimate, or the largest possible distance where that is smaller.

    Raises
    ------
    ValueError
        If n_samples is no positive integer, or the contrastive components are not determined: the
        eigenvalues on both sides of the subspace are equal.

    See Also
    --------
    contrastive_bias_bound : Bound on the error in infinitely many samples.
    finite_sample_bound : Bound on the error that is computed from a sample alone.

    References
    ----------
    .. [1] Anderson (1963), "Asymptotic Theory for Principal Component Analysis", Annals of
       Mathematical Statistics 34(1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.bounds import first_order_sampling_error
    >>> components = np.kron(np.eye(2), np.full(25, 0.2))
    >>> noise_variance = np.linspace(0.2, 2.0, 50)
    >>> model = SpikedCovarianceModel(components, noise_variance=noise_variance)
    >>> round(first_order_sampling_error(model, 1000), 3)
    0.456
    """
    check_size("n_samples", n_samples)
    r, d = model.n_components, model.n_features
    if r == d:
        return 0.0
    # in units of the weakest signal: fourth powers may overflow or vanish
    unit = model.signal.min()
    signal_covariance = model.signal_covariance / unit**2
    eigenvalues, eigenvectors = np.linalg.eigh(without_diagonal(signal_covariance))
    gap = eigenvalues[-r] - eigenvalues[-r - 1]
    if not gap > d * np.finfo(np.float64).eps * np.abs(eigenvalues).max():
        raise ValueError(
            f"Eigenvalues {r} and {r + 1} of the covariance without its diagonal are equal, so "
            "that the contrastive components are not determined. Use components that are spread "
            "over more features."
        )
    covariance = signal_covariance + np.diag(model.noise_variance / unit**2)
    outside, inside = eigenvectors[:, :-r], eigenvectors[:, -r:]
    gaps = eigenvalues[-r:] - eigenvalues[:-r, None]
    # rounding may take a variance of 0 below it
    variances = np.maximum(_variances(covariance, outside, inside), 0)
    total = np.sum(variances / gaps**2)
    return float(np.sqrt(min(total / n_samples, r, d - r)))


def _variances(covariance: FloatArray, outside: FloatArray, inside: FloatArray) -> FloatArray:
    """n Var(w' Delta(E) v) for E = S - covariance, S the covariance of n Gaussian samples.

    The form is tr(H E) with H = (w v' + v w') / 2 less its diagonal c, and
    n Var(tr(H E)) = 2 tr(H covariance H covariance).

    Returns
    -------
    variances : ndarray of shape (n_outside, n_inside)
    """
    squares = covariance**2
    outside_image, inside_image = covariance @ outside, covariance @ inside
    variances = np.outer(
        np.sum(outside * outside_image, axis=0), np.sum(inside * inside_image, axis=0)
    )
    variances += (outside.T @ inside_image) ** 2
    for k, (v, image) in enumerate(zip(inside.T, inside_image.T, strict=True)):
        c = outside * v[:, None]
        variances[:, k] += 2 * np.sum(
            c * (squares @ c - 2 * outside_image * image[:, None]), axis=0
        )
    return variances
