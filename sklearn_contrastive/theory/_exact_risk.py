"""Exact risks of tasks on linear features, in a spiked covariance model."""

import numpy as np
from sklearn.utils import check_array

from .._typing import ArrayLike, FloatArray
from ._checks import check_at_least_zero, check_unit_weights
from ._logistic import misclassification
from ._model import SpikedCovarianceModel

__all__ = [
    "classification_risk",
    "excess_classification_risk",
    "excess_regression_risk",
    "explained_scores",
    "regression_risk",
]


def explained_scores(model: SpikedCovarianceModel, components: ArrayLike) -> FloatArray:
    """Covariance of the best linear prediction of the standardised scores from features.

    With V the rows of `components`, L' = diag(signal) U' the model's loadings and S its
    covariance, it is L' V' (V S V')^-1 V L. Its quadratic form w' K w is the squared correlation
    of <u, w> with its best linear prediction: 0 where the features are independent of it, 1
    where they determine it.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    components : array-like of shape (n_rows, n_features)
        Rows that span the encoder's row space; the features of a sample x are `components` @ x.
        They may be of any length and number, and linearly dependent.

    Returns
    -------
    explained : ndarray of shape (n_components, n_components)
        Symmetric, with eigenvalues in [0, 1].

    Raises
    ------
    ValueError
        If `components` has another number of features than the model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import explained_scores
    >>> model = SpikedCovarianceModel(np.eye(4)[:2], signal=[3.0, 1.0])
    >>> explained_scores(model, model.components)
    array([[0.9, 0. ],
           [0. , 0.5]])
    """
    score_part = _score_part(model, components)
    return score_part.T @ score_part


def regression_risk(
    model: SpikedCovarianceModel,
    components: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    target_noise: float = 0.0,
) -> float:
    """Mean squared error of the best linear regression on features.

    The target is y = <u, w> + e, where u are the standardised scores, the length of w is 1, and e
    is independent noise [1]_. The risk is target_noise^2 + 1 - w' K w with K of
    :func:`explained_scores`. It holds for any distribution of scores and noise.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    components : array-like of shape (n_rows, n_features)
        Rows that span the encoder's row space.
    weights : array-like of shape (n_components,), default=None
        The vector w, of length 1. None takes the w of the largest risk.
    target_noise : float, default=0.0
        Standard deviation of e.

    Returns
    -------
    risk : float
        At least target_noise^2, at most target_noise^2 + 1.

    Raises
    ------
    ValueError
        If shapes do not fit together, weights has not length 1, or target_noise is negative.

    See Also
    --------
    excess_regression_risk : The same, against the best features or the signal subspace.
    sklearn_contrastive.datasets.make_spiked_regression : Draws such targets.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import regression_risk
    >>> model = SpikedCovarianceModel(np.eye(4)[:2], signal=[3.0, 1.0])
    >>> round(regression_risk(model, model.components, [1.0, 0.0], target_noise=0.1), 12)
    0.11
    >>> round(regression_risk(model, model.components), 12)  # the worst task
    0.5
    """
    check_at_least_zero("target_noise", target_noise)
    return target_noise**2 + 1 - _correlation(_score_part(model, components), weights) ** 2


def classification_risk(
    model: SpikedCovarianceModel, components: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Share of samples that the best classifier on features misclassifies.

    Classes follow P(y = 1 | u) = F(<u, w>), where u are the standardised scores, the length of w
    is 1, and F is the logistic function [1]_. Scores and noise are Gaussian: then the best
    classifier is linear, and its risk depends on w' K w alone, with K of :func:`explained_scores`.
    A classifier that is given the scores errs with probability 0.325143.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    components : array-like of shape (n_rows, n_features)
        Rows that span the encoder's row space.
    weights : array-like of shape (n_components,), default=None
        The vector w, of length 1. None takes the w of the largest risk.

    Returns
    -------
    risk : float
        Probability of an error, in [0.325143, 0.5], to ten digits or more.

    Raises
    ------
    ValueError
        If shapes do not fit together, or weights has not length 1.

    See Also
    --------
    excess_classification_risk : The same, against the best features or the signal subspace.
    sklearn_contrastive.datasets.make_spiked_classification : Draws such classes.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import classification_risk
    >>> model = SpikedCovarianceModel(np.eye(4)[:2], signal=[3.0, 1.0])
    >>> round(classification_risk(model, model.components, [1.0, 0.0]), 6)
    0.335254
    >>> round(classification_risk(model, np.eye(4)[2:]), 6)
    0.5
    """
    return misclassification(_correlation(_score_part(model, components), weights))


def excess_regression_risk(
    model: SpikedCovarianceModel,
    components: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    reference: str = "optimal",
) -> float:
    """Regression risk on features, minus that on the best features or on the signal subspace.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.
    components : array-like of shape (n_rows, n_features)
        Rows that span the encoder's row space.
    weights : array-like of shape (n_components,), default=None
        Weights of the scores in the target, of length 1. None subtracts the largest risk on the
        reference from the largest risk on the features; they may be risks of two tasks.
    reference : {"optimal", "signal"}, default="optimal"
        "optimal" compares with the model's best linear features, which no others outperform;
        "signal" with the model's components, which other features may outperform where the noise
        is unequal.

    Returns
    -------
    excess : float
        At least 0, up to rounding, with the reference "optimal".

    Raises
    ------
    ValueError
        If shapes do not fit together, weights has not length 1, the reference is not known, or the
        reference is "optimal" and a feature of the model has no noise.

    See Also
    --------
    regression_risk : The risk itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import excess_regression_risk
    >>> model = SpikedCovarianceModel([[0.6, 0.8]], noise_variance=[1.0, 0.1])
    >>> round(excess_regression_risk(model, model.components), 4)
    0.1689
    >>> best = model.optimal_components()
    >>> round(excess_regression_risk(model, best, reference="signal"), 4)
    -0.1689
    """
    correlation = _correlation(_score_part(model, components), weights)
    return _correlation(_reference_score_part(model, reference), weights) ** 2 - correlation**2


def excess_classification_risk(
    model: SpikedCovarianceModel,
    components: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    reference: str = "optimal",
) -> float:
    """0-1 risk on features, minus that on the best features or on the signal subspace.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population, of Gaussian scores and noise.
    components : array-like of shape (n_rows, n_features)
        Rows that span the encoder's row space.
    weights : array-like of shape (n_components,), default=None
        Weights of the scores in the logistic link, of length 1. None subtracts the largest risk on
        the reference from the largest risk on the features; they may be risks of two tasks.
    reference : {"optimal", "signal"}, default="optimal"
        "optimal" compares with the model's best linear features, which no others outperform;
        "signal" with the model's components, which other features may outperform where the noise
        is unequal.

    Returns
    -------
    excess : float
        At least 0, up to rounding, with the reference "optimal".

    Raises
    ------
    ValueError
        If shapes do not fit together, weights has not length 1, the reference is not known, or the
        reference is "optimal" and a feature of the model has no noise.

    See Also
    --------
    classification_risk : The risk itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.risk import excess_classification_risk
    >>> model = SpikedCovarianceModel([[0.6, 0.8]], noise_variance=[1.0, 0.1])
    >>> round(excess_classification_risk(model, model.components), 4)
    0.0181
    """
    risk = misclassification(_correlation(_score_part(model, components), weights))
    return risk - misclassification(_correlation(_reference_score_part(model, reference), weights))


def _score_part(model: SpikedCovarianceModel, components: ArrayLike) -> FloatArray:
    """Scores' part P, of shape (rank, n_components), of an orthonormal basis of the features.

    In the space of standardised scores and noise the best linear prediction projects onto the
    features' rows, so that it explains P' P: in this form no share can leave [0, 1].
    """
    components = _check_features(model, components)
    from_scores = components @ model.components.T * model.signal
    rows = np.hstack([from_scores, components * np.sqrt(model.noise_variance)])
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1)
    _, singular_values, basis = np.linalg.svd(rows, full_matrices=False)
    smallest = singular_values[0] * max(rows.shape) * np.finfo(np.float64).eps
    return basis[singular_values > smallest, : model.n_components]


def _reference_score_part(model: SpikedCovarianceModel, reference: str) -> FloatArray:
    """`_score_part` of the reference features."""
    if reference == "signal":
        return _score_part(model, model.components)
    if reference == "optimal":
        return _score_part(model, model.optimal_components())
    raise ValueError(f'reference={reference!r} is not known; give "optimal" or "signal".')


def _correlation(score_part: FloatArray, weights: ArrayLike | None) -> float:
    """Correlation of <u, w> with its best prediction, or the least one over all w."""
    rank, n_components = score_part.shape
    if weights is not None:
        weights = check_unit_weights(weights, n_components)
        correlation = np.linalg.norm(score_part @ weights) / np.linalg.norm(weights)
    elif rank < n_components:
        return 0.0
    else:
        correlation = np.linalg.svd(score_part, compute_uv=False)[-1]
    # rounding may take it past 1, where the risk has no angle
    return min(float(correlation), 1.0)


def _check_features(model: SpikedCovarianceModel, components: ArrayLike) -> FloatArray:
    components = check_array(components, dtype=np.float64, input_name="components")
    if components.shape[1] != model.n_features:
        raise ValueError(
            f"components has {components.shape[1]} columns, but the model has "
            f"{model.n_features} features; components has shape (rows, n_features)."
        )
    return components
