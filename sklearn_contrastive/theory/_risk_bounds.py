"""Bounds on excess risks by the distance of the features from the signal subspace."""

import numpy as np

from .._typing import ArrayLike, FloatArray
from ._checks import check_at_least_zero, check_unit_weights
from ._exact_risk import excess_regression_risk, regression_risk
from ._logistic import misclassification
from ._model import SpikedCovarianceModel
from ._pca_bound import noisiest_features

__all__ = [
    "excess_classification_bound",
    "excess_regression_bound",
    "pca_excess_classification_bound",
    "pca_excess_regression_bound",
]


def excess_regression_bound(
    model: SpikedCovarianceModel,
    distance: float,
    weights: ArrayLike | None = None,
    *,
    reference: str = "optimal",
) -> float:
    """Bound the excess risk of regression on features at most so far from the signal subspace.

    With U the components, Sigma the covariance, Psi the noise variances, s the largest sine and
    c = (U' Sigma U)^-1 diag(signal) w the best coefficients on U, the risk exceeds that on U by at
    most

    2 s (1 - s^2)^1/2 ||U_perp' Psi U c|| ||c|| + (max(Psi) s^2 + max(signal)^2 s^4) ||c||^2,

    with s (1 - s^2)^1/2 at most 1/2. The first term is 0 where the noise is equal; there the bound
    is sharp for small s. It holds for any distribution of scores and noise.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    distance : float
        Distance of the features' rows, as many as the model has components, from the signal
        subspace, or an upper bound on it such as :func:`bounds.contrastive_bias_bound`,
        :func:`bounds.contrastive_certificate` or :func:`bounds.finite_sample_bound`.
    weights : array-like of shape (n_components,), default=None
        Weights of the scores in the target, of length 1. None is the worst task, as in
        :func:`excess_regression_risk`.
    reference : {"optimal", "signal"}, default="optimal"
        Features that the risk is compared with, as in :func:`excess_regression_risk`.

    Returns
    -------
    bound : float
        No smaller than :func:`excess_regression_risk` of such features.

    Raises
    ------
    ValueError
        If the distance is negative, the weights do not fit the model, the reference is not known,
        or it is "optimal" and a feature of the model has no noise.

    See Also
    --------
    pca_excess_regression_bound : A lower bound for PCA.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.bounds import contrastive_bias_bound
    >>> from sklearn_contrastive.theory.risk import excess_regression_bound
    >>> model = SpikedCovarianceModel(np.full((1, 25), 0.2), noise_variance=0.25)
    >>> round(excess_regression_bound(model, contrastive_bias_bound(model)), 5)
    0.00026
    """
    risk = regression_risk(model, model.components, weights)
    gap = excess_regression_risk(model, model.components, weights, reference=reference)
    return gap + min(_over_signal(model, distance, weights), 1 - risk)


def excess_classification_bound(
    model: SpikedCovarianceModel,
    distance: float,
    weights: ArrayLike | None = None,
    *,
    reference: str = "optimal",
) -> float:
    """Bound the excess 0-1 risk on features at most so far from the signal subspace.

    The 0-1 risk of Gaussian scores and noise is a decreasing function of the correlation of <u, w>
    with its best prediction. :func:`excess_regression_bound` bounds that correlation from below.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population, of Gaussian scores and noise.
    distance : float
        Distance of the features' rows, as many as the model has components, from the signal
        subspace, or an upper bound on it.
    weights : array-like of shape (n_components,), default=None
        Weights of the scores in the logistic link, of length 1. None is the worst task, as in
        :func:`excess_classification_risk`.
    reference : {"optimal", "signal"}, default="optimal"
        Features that the risk is compared with, as in :func:`excess_classification_risk`.

    Returns
    -------
    bound : float
        No smaller than :func:`excess_classification_risk` of such features.

    Raises
    ------
    ValueError
        If the distance is negative, the weights do not fit the model, the reference is not known,
        or it is "optimal" and a feature of the model has no noise.

    See Also
    --------
    pca_excess_classification_bound : A lower bound for PCA.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import excess_classification_bound
    >>> model = SpikedCovarianceModel(np.full((1, 25), 0.2), noise_variance=0.25)
    >>> round(excess_classification_bound(model, 0.04), 6)
    2.7e-05
    """
    best = 1 - _reference_risk(model, weights, reference)
    bound = excess_regression_bound(model, distance, weights, reference=reference)
    return _risk_of_share(best - bound) - _risk_of_share(best)


def pca_excess_regression_bound(
    model: SpikedCovarianceModel, *, reference: str = "optimal"
) -> float:
    """Lower bound on PCA's excess risk of regression, for the worst task, under unequal noise.

    Where the r = n_components noisiest features stand out, PCA's components are near them and far
    from the signal. With l = max(pca_lower_bound, 0), and n^2 a lower bound on the noise variance
    along PCA's components, the worst task on them has at least the risk

    n^2 / (max(signal)^2 (1 - l^2 / r) + n^2),  n^2 = noise_r - (noise_r - min(noise)) D^2,

    where noise_r is the r-th largest noise variance and D the bound on the distance of PCA's
    components from the noisiest features that is the second term of :func:`bounds.pca_lower_bound`,
    or 1 if that is smaller.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    reference : {"optimal", "signal"}, default="optimal"
        Features whose worst task is compared with PCA's worst, as in
        :func:`excess_regression_risk`.

    Returns
    -------
    bound : float
        No larger than the excess risk on ``model.pca_components()``; it may be negative.

    Raises
    ------
    ValueError
        If there is no lower bound on PCA's error, as in :func:`bounds.pca_lower_bound`, the
        reference is not known, or it is "optimal" and a feature of the model has no noise.

    See Also
    --------
    excess_regression_bound : An upper bound for features near the signal subspace.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import pca_excess_regression_bound
    >>> noise_variance = np.full(100, 0.25)
    >>> noise_variance[0] = 9.0
    >>> model = SpikedCovarianceModel(np.full((1, 100), 0.1), noise_variance=noise_variance)
    >>> round(pca_excess_regression_bound(model), 2)
    0.79
    """
    return _pca_risk(model) - _reference_risk(model, None, reference)


def pca_excess_classification_bound(
    model: SpikedCovarianceModel, *, reference: str = "optimal"
) -> float:
    """Lower bound on PCA's excess 0-1 risk, for the worst task, under unequal noise.

    The 0-1 risk of Gaussian scores and noise is a decreasing function of the correlation of <u, w>
    with its best prediction, which :func:`pca_excess_regression_bound` bounds from above.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population, of Gaussian scores and noise.
    reference : {"optimal", "signal"}, default="optimal"
        Features whose worst task is compared with PCA's worst, as in
        :func:`excess_classification_risk`.

    Returns
    -------
    bound : float
        No larger than the excess risk on ``model.pca_components()``; it may be negative.

    Raises
    ------
    ValueError
        If there is no lower bound on PCA's error, as in :func:`bounds.pca_lower_bound`, the
        reference is not known, or it is "optimal" and a feature of the model has no noise.

    See Also
    --------
    excess_classification_bound : An upper bound for features near the signal subspace.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import pca_excess_classification_bound
    >>> noise_variance = np.full(100, 0.25)
    >>> noise_variance[0] = 9.0
    >>> model = SpikedCovarianceModel(np.full((1, 100), 0.1), noise_variance=noise_variance)
    >>> round(pca_excess_classification_bound(model), 2)
    0.14
    """
    reference_risk = _reference_risk(model, None, reference)
    return _risk_of_share(1 - _pca_risk(model)) - _risk_of_share(1 - reference_risk)


def _over_signal(model: SpikedCovarianceModel, distance: float, weights: ArrayLike | None) -> float:
    """Bound on the risk of any task on such features, less that on the signal subspace."""
    check_at_least_zero("distance", distance)
    sine = min(float(distance), 1.0)
    mixed = sine * np.sqrt(1 - sine**2) if sine**2 < 0.5 else 0.5
    U, signal, noise = model.components.T, model.signal, model.noise_variance
    within = np.diag(signal**2) + (U.T * noise) @ U
    coefficients = np.linalg.solve(within, np.diag(signal))
    if weights is not None:
        coefficients = coefficients @ check_unit_weights(weights, model.n_components)[:, None]
    image = noise[:, None] * (U @ coefficients)
    image -= U @ (U.T @ image)
    length = _largest(coefficients)
    second = noise.max() * sine**2 + signal.max() ** 2 * sine**4
    return float((2 * mixed * _largest(image) + second * length) * length)


def _largest(matrix: FloatArray) -> float:
    return float(np.linalg.norm(matrix, ord=2))


def _pca_risk(model: SpikedCovarianceModel) -> float:
    """Lower bound on the risk of regression of the worst task on PCA's components."""
    found = noisiest_features(model)
    largest = found.noise_variance
    noise = largest - (largest - model.noise_variance.min()) * min(found.deviation, 1) ** 2
    error = max(found.distance - found.deviation, 0)
    signal = model.signal.max() ** 2 * max(1 - error**2 / model.n_components, 0)
    return float(noise / (signal + noise))


def _reference_risk(
    model: SpikedCovarianceModel, weights: ArrayLike | None, reference: str
) -> float:
    """Risk of regression on the reference features."""
    risk = regression_risk(model, model.components, weights)
    return risk - excess_regression_risk(model, model.components, weights, reference=reference)


def _risk_of_share(share: float) -> float:
    """0-1 risk where the features explain a share of the variance of <u, w>."""
    # rounding may take it past both ends
    return misclassification(np.sqrt(min(max(share, 0.0), 1.0)))
